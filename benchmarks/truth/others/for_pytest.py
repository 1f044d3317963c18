from by_hand import one_round


def test_round(benchmark):
    benchmark(one_round)
