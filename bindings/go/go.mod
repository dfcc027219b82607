module example.org/zmd/bindings/go

go 1.19
