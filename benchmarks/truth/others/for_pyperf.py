import pyperf
from by_hand import one_round

if __name__ == "__main__":
    pyperf.Runner().bench_func("round", one_round)
