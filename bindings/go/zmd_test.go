package zmd

// The binding for Go, against the stand-in that tests/packages/hosts.rs starts.

import (
	"context"
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"
)

var background = context.Background()

func failure(t *testing.T, err error, number ErrorNumber, part string) *Error {
	t.Helper()
	var failure *Error
	if !errors.As(err, &failure) || !errors.Is(err, number) || !strings.Contains(err.Error(), part) {
		t.Fatalf("expected %v with %q, found %v", number, part, err)
	}
	return failure
}

// The order matters: the stand-in answers the first two polls with a job that is queued, without counts, and one that
// runs.
func Test(t *testing.T) {
	client, err := FromEnvironment(nil)
	if err != nil {
		t.Fatal(err)
	}
	same := func(expected, found any) {
		t.Helper()
		if !reflect.DeepEqual(expected, found) {
			t.Fatalf("expected %v, found %v", expected, found)
		}
	}
	completed := Status{Completed, "COMPLETED", 200, 9, 9, 0}
	answers := func(client *Client) {
		t.Helper()
		status, err := client.Status(background, "Leads", "1001")
		same(nil, err)
		same(completed, status)
	}

	var seen []string
	limited, cancel := context.WithTimeout(background, time.Minute)
	status, err := client.Wait(limited, "Leads", "1001", func(poll Poll) error {
		seen = append(seen, fmt.Sprint(poll.Status.State, poll.Status.DeletedCount, poll.Err))
		return nil
	})
	cancel()
	same(nil, err)
	same(completed, status)
	same([]string{"QUEUED -1 <nil>", "RUNNING 4 <nil>", "COMPLETED 9 <nil>"}, seen)

	answers(client)
	status, err = client.Status(background, "Leads", "1004")
	same(nil, err)
	same(Failed, status.State)

	status, err = client.Status(background, "Leads", "error-NO_PERMISSION")
	same("NO_PERMISSION", failure(t, err, Forbidden, "permission denied").Code)
	same("ZMD_ERR_FORBIDDEN", Forbidden.Name())
	same(Status{Unknown, "", 403, -1, -1, -1}, status)
	_, err = client.Status(background, "Sales Orders", "1001")
	failure(t, err, InvalidArgument, "Sales_Orders")
	if _, err = client.Status(background, "Leads\x00", "1001"); err == nil || !strings.Contains(err.Error(), "NUL") {
		t.Fatal(err)
	}

	// Ended by the callback, by a panic in it, by the context.
	mine, polls := errors.New("mine"), 0
	status, err = client.Wait(background, "Leads", "1002", func(Poll) error {
		if polls++; polls == 2 {
			return mine
		}
		return nil
	})
	same(mine, err)
	same(2, polls)
	same(Running, status.State)
	func() {
		defer func() { same("mine", recover()) }()
		client.Wait(background, "Leads", "1002", func(Poll) error { panic("mine") })
	}()
	ctx, cancel := context.WithCancel(background)
	status, err = client.Wait(ctx, "Leads", "1002", func(Poll) error {
		cancel()
		return nil
	})
	failure(t, err, Cancelled, "")
	same(true, errors.Is(err, context.Canceled))
	same(Running, status.State)
	ctx, cancel = context.WithTimeout(background, 500*time.Millisecond)
	status, err = client.Wait(ctx, "Leads", "1002", nil)
	cancel()
	failure(t, err, Timeout, "")
	same(true, errors.Is(err, context.DeadlineExceeded))
	same(Running, status.State)
	_, err = client.Status(ctx, "Leads", "1001")
	same(ctx.Err(), err)
	answers(client)

	_, err = New(map[string]string{"acces_token": "x"})
	failure(t, err, InvalidConfig, "acces_token")
	other, err := FromEnvironment(map[string]string{"access_token": "wrong"})
	same(nil, err)
	_, err = other.Status(background, "Leads", "1001")
	same("INVALID_TOKEN", failure(t, err, Unauthorized, "").Code)
	same(nil, other.SetAccessToken(os.Getenv("ZMD_ACCESS_TOKEN")))
	answers(other)
	same(nil, other.Close())
	same("0.1.0", Version())

	// Many goroutines at once, each with its own errors.
	var group sync.WaitGroup
	for i := 0; i < 50; i++ {
		group.Add(1)
		go func(module string) {
			defer group.Done()
			if _, err := client.Status(background, module, "1001"); err == nil || !strings.Contains(err.Error(), module) {
				t.Error(module, err)
			}
		}(fmt.Sprintf("Bad-%d.", i))
	}
	group.Wait()

	// Closed while another goroutine waits.
	polled, ended := make(chan struct{}), make(chan error)
	go func() {
		var once sync.Once
		_, err := client.Wait(background, "Leads", "1002", func(Poll) error {
			once.Do(func() { close(polled) })
			return nil
		})
		ended <- err
	}()
	<-polled
	same(nil, client.Close())
	failure(t, <-ended, Cancelled, "")
	same(nil, client.Close())
	_, err = client.Status(background, "Leads", "1001")
	same(ErrClosed, err)
}
