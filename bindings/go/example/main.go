// Waits until a mass-delete job has ended, for four hours or so many seconds at most, and prints its progress.
//
// Exit status: 0 every record was deleted, 1 the job failed or left records behind, 2 it still runs, 3 an error.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	zmd "example.org/zmd/bindings/go"
)

func show(poll zmd.Poll) error {
	if poll.Err == nil {
		fmt.Println(poll.Status)
	} else {
		fmt.Fprintln(os.Stderr, poll.Err) // the wait continues
	}
	return nil
}

func run(module, jobID string, limit time.Duration) int {
	client, err := zmd.FromEnvironment(nil)
	var last zmd.Status
	if err == nil {
		defer client.Close()
		ctx, cancel := context.WithTimeout(context.Background(), limit)
		defer cancel()
		last, err = client.Wait(ctx, module, jobID, show)
	}
	if err == nil {
		if last.IsSuccessful() {
			return 0
		}
		return 1
	}
	var failure *zmd.Error
	if errors.As(err, &failure) {
		fmt.Fprint(os.Stderr, failure.Number.Name(), ": ")
	}
	fmt.Fprintln(os.Stderr, err)
	if errors.Is(err, zmd.Timeout) && last.State != zmd.Unknown {
		return 2
	}
	return 3
}

func main() {
	seconds, err := 4*3600, error(nil)
	if len(os.Args) == 4 {
		seconds, err = strconv.Atoi(os.Args[3])
	}
	if len(os.Args) < 3 || len(os.Args) > 4 || err != nil {
		fmt.Fprintln(os.Stderr, "usage: example MODULE JOB_ID [SECONDS]")
		os.Exit(3)
	}
	os.Exit(run(os.Args[1], os.Args[2], time.Duration(seconds)*time.Second))
}
