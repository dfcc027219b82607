module zmd

go 1.19
