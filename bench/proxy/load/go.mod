module tokmeter.invalid/bench/load

go 1.19
