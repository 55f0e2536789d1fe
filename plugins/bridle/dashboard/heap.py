"""What the API server has loaded, and Python's garbage collector."""

import gc


def set_loaded_apart() -> None:
    """Let the collector pass over what is loaded by now: it is there to stay.

    Airflow's API server is made of more than half a million objects. To look at all of them takes it half a
    second in which nobody is answered, and a few large answers are enough to make it.
    """
    gc.collect()
    gc.freeze()
