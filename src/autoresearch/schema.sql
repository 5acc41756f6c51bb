-- The ledger. One database per repository, shared by its worktrees.

CREATE TABLE IF NOT EXISTS run (
    tag         TEXT PRIMARY KEY,
    fingerprint TEXT NOT NULL,
    study       TEXT NOT NULL,              -- the checked study.toml, as JSON
    frozen      TEXT NOT NULL,              -- path to SHA-256 of every file that decides a score, as JSON
    created     REAL NOT NULL,
    base        TEXT NOT NULL,              -- commit the run started from
    repeats     INTEGER NOT NULL,           -- repeats a trial is measured on
    bound       REAL NOT NULL,              -- the suspicious score
    parent      INTEGER NOT NULL DEFAULT 0, -- trial whose source the next edit starts from
    ended       TEXT,                       -- why the run ended; NULL while it is live
    resumed     REAL NOT NULL,              -- when the budget began
    resumed_n   INTEGER NOT NULL DEFAULT 0, -- last trial before the budget began
    warnings    TEXT NOT NULL DEFAULT '[]',
    folder      TEXT NOT NULL DEFAULT ''    -- the study's, in the repository
);

CREATE TABLE IF NOT EXISTS trial (
    tag         TEXT NOT NULL REFERENCES run (tag),
    n           INTEGER NOT NULL,
    parent      INTEGER,
    base        TEXT NOT NULL,
    blob        TEXT NOT NULL,
    source      TEXT NOT NULL,
    hypothesis  TEXT NOT NULL,
    code        TEXT NOT NULL,
    seedless    TEXT NOT NULL,
    created     REAL NOT NULL,
    "commit"    TEXT,
    by_hand     INTEGER NOT NULL,
    searched    INTEGER NOT NULL DEFAULT 0, -- made by a search, whose text was not in train.py
    settled     INTEGER NOT NULL,
    state       TEXT NOT NULL,
    verdict     TEXT,
    rule        TEXT NOT NULL,
    reason      TEXT NOT NULL,
    scores      TEXT NOT NULL,              -- fold scores by repeat, as JSON
    ratio       REAL NOT NULL,
    score       REAL,
    se          REAL,
    delta       REAL,
    delta_se    REAL,
    total_se    REAL,                       -- over rows, against the baseline: single splits only
    test_score  REAL,
    wall_s      REAL NOT NULL,
    cpu_s       REAL NOT NULL,
    peak_mb     REAL NOT NULL,
    isolation   TEXT NOT NULL,
    evidence    TEXT NOT NULL,
    error       TEXT,
    traceback   TEXT,
    note        TEXT NOT NULL,
    predictions TEXT,
    PRIMARY KEY (tag, n)
);

-- What is counted and ranked, beside the rows: these hold whole sources, which need not be read for that.
CREATE INDEX IF NOT EXISTS trial_facts ON trial (tag, n, state, verdict, delta, delta_se, score);
CREATE INDEX IF NOT EXISTS trial_noise ON trial (tag, delta_se) WHERE state = 'complete' AND delta_se IS NOT NULL;
CREATE INDEX IF NOT EXISTS trial_failed ON trial (tag, n) WHERE state IN ('crashed', 'timed_out');
CREATE INDEX IF NOT EXISTS trial_open ON trial (tag, n) WHERE settled = 0;

CREATE TABLE IF NOT EXISTS audit (
    tag       TEXT NOT NULL REFERENCES run (tag),
    created   REAL NOT NULL,
    number    INTEGER NOT NULL,             -- j: the how-manieth audit of these holdout rows
    baseline  INTEGER NOT NULL,
    incumbent INTEGER NOT NULL,
    before    REAL NOT NULL,
    after     REAL NOT NULL,
    delta     REAL NOT NULL,
    low       REAL NOT NULL,
    high      REAL NOT NULL,
    alpha     REAL NOT NULL,
    method    TEXT NOT NULL,
    unsealed  INTEGER NOT NULL              -- whether the search had seen these rows
);

CREATE TABLE IF NOT EXISTS review (
    tag     TEXT NOT NULL,
    n       INTEGER NOT NULL,
    created REAL NOT NULL,
    text    TEXT NOT NULL,                  -- what a reviewer found in the trial, in one line
    FOREIGN KEY (tag, n) REFERENCES trial (tag, n)
);

CREATE TABLE IF NOT EXISTS search (
    tag     TEXT NOT NULL REFERENCES run (tag),
    first   INTEGER NOT NULL,               -- the number that its first trial got
    seed    INTEGER NOT NULL,
    trials  INTEGER NOT NULL,               -- that it may make
    minutes REAL,                           -- that it may take; NULL: as long as it likes
    width   INTEGER NOT NULL,               -- trials under way at a time
    seconds REAL NOT NULL DEFAULT 0,        -- spent so far
    ended   INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (tag, first)
);

CREATE TABLE IF NOT EXISTS choice (
    tag     TEXT NOT NULL,
    n       INTEGER NOT NULL,
    variant TEXT NOT NULL,                  -- slot to variant, in the slots' order, as JSON
    params  TEXT NOT NULL,                  -- slot.parameter to value where it is not the variant's own, as JSON
    PRIMARY KEY (tag, n),
    FOREIGN KEY (tag, n) REFERENCES trial (tag, n)
) WITHOUT ROWID;

CREATE INDEX IF NOT EXISTS choice_variant ON choice (tag, variant);
