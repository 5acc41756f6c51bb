#!/bin/sh
# `uv run X ...` in the project's environment as it is: nothing is resolved or installed.
[ "$1" = run ] || { echo "this stand-in only runs" >&2; exit 1; }
shift
case $1 in
  *.py) exec .venv/bin/python "$@" ;;
  *) program=$1; shift; exec ".venv/bin/$program" "$@" ;;
esac
