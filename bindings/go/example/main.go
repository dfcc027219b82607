// Waits until a mass-delete job has ended, for four hours at most, and prints its progress.
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

	"zmd"
)

func count(number int64) string {
	if number < 0 {
		return "?"
	}
	return strconv.FormatInt(number, 10)
}

func show(poll zmd.Poll) error {
	if poll.Err != nil {
		fmt.Fprintln(os.Stderr, poll.Err) // transient: the wait continues
		return nil
	}
	status := poll.Status
	fmt.Printf("%s: %s of %s deleted, %s failed\n",
		status.StateText, count(status.DeletedCount), count(status.TotalCount), count(status.FailedCount))
	return nil
}

func run(module, jobID string) int {
	client, err := zmd.FromEnvironment(nil)
	if err == nil {
		defer client.Close()
		ctx, cancel := context.WithTimeout(context.Background(), 4*time.Hour)
		defer cancel()
		var last zmd.Status
		if last, err = client.Wait(ctx, module, jobID, show); err == nil {
			if last.State == zmd.Completed && last.FailedCount <= 0 {
				return 0
			}
			return 1
		}
		if errors.Is(err, zmd.Timeout) && last.State != zmd.Unknown {
			fmt.Fprintln(os.Stderr, err)
			return 2
		}
	}
	var failure *zmd.Error
	if errors.As(err, &failure) {
		err = fmt.Errorf("%s: %w", failure.Number.Name(), err)
	}
	fmt.Fprintln(os.Stderr, err)
	return 3
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: example MODULE JOB_ID")
		os.Exit(3)
	}
	os.Exit(run(os.Args[1], os.Args[2]))
}
