module tokmeter.test/calls

go 1.19
