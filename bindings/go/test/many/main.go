// What many waits cost: `go run ./test/many 1000 3` waits for so many jobs, which do not end, with limits of so many seconds.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"strconv"
	"sync"
	"syscall"
	"time"

	zmd "example.org/zmd/bindings/go"
)

func main() {
	count, _ := strconv.Atoi(os.Args[1])
	seconds, _ := strconv.Atoi(os.Args[2])
	limit := time.Duration(seconds) * time.Second
	client, err := zmd.FromEnvironment(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	var group sync.WaitGroup
	late := make([]time.Duration, count)
	for i := range late {
		group.Add(1)
		go func(i int) {
			defer group.Done()
			begin := time.Now()
			ctx, cancel := context.WithTimeout(context.Background(), limit)
			defer cancel()
			if _, err := client.Wait(ctx, "Leads", "1002", nil); !errors.Is(err, zmd.Timeout) {
				log.Fatal(err)
			}
			late[i] = time.Since(begin) - limit
		}(i)
	}
	group.Wait()
	latest := time.Duration(0)
	for _, one := range late {
		if one > latest {
			latest = one
		}
	}
	var usage syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	fmt.Printf("%d waits of %d s, the latest ended %d ms after its limit, %d MB\n", count, seconds, latest.Milliseconds(), usage.Maxrss/1024)
}
