"""Benchmark of the matching: `python -m tests.bench.matching --people 5000,100000`."""

if __name__ == "__main__":
    # Children read this file too: what only the parent needs is not to be in their memory.
    from tests.bench.matching.run import main

    main()
