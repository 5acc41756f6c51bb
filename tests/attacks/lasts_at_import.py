"""Never come to the end of the import."""

import time

while True:
    time.sleep(1)
