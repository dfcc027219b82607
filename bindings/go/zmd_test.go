package zmd

// The binding for Go, against the stand-in that tests/packages/hosts.rs starts.

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"
)

var background = context.Background()

// Where Go has slog.
var testSlog func(*testing.T)

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
	completed := Status{Job{"Leads", "1001"}, Completed, "COMPLETED", 200, 9, 9, 0}
	answers := func(client *Client) {
		t.Helper()
		status, err := client.Status(background, "Leads", "1001")
		same(nil, err)
		same(completed, status)
	}

	var seen []string
	var polled []Poll
	limited, cancel := context.WithTimeout(background, time.Minute)
	status, err := client.Wait(limited, "Leads", "1001", func(poll Poll) error {
		polled = append(polled, poll)
		seen = append(seen, fmt.Sprint(poll.Status.State, poll.Status.DeletedCount, poll.Err))
		return nil
	})
	cancel()
	same(nil, err)
	same(completed, status)
	same([]string{"QUEUED -1 <nil>", "RUNNING 4 <nil>", "COMPLETED 9 <nil>"}, seen)
	for i, poll := range polled {
		same(true, poll.Index == 0 && poll.Elapsed >= 0 && (poll.Remaining < 0 || i == 1) && (poll.NextPoll < 0) == (i == 2))
	}

	answers(client)
	status, err = client.Status(background, "Leads", "1004")
	same(nil, err)
	same(Failed, status.State)

	status, err = client.Status(background, "Leads", "error-NO_PERMISSION")
	job := Job{"Leads", "error-NO_PERMISSION"}
	forbidden := failure(t, err, Forbidden, "permission denied")
	same(Error{Forbidden, "NO_PERMISSION", forbidden.Message, job, 403, nil}, *forbidden)
	same("ZMD_ERR_FORBIDDEN", Forbidden.Name())
	same(Status{job, Unknown, "", 403, -1, -1, -1}, status)
	same(false, forbidden.IsTransient())
	same(true, (&Error{Number: Proxy}).IsTransient() && !(&Error{Number: Proxy, HTTPStatus: 407}).IsTransient())
	_, err = client.Status(background, "Sales Orders", "1001")
	failure(t, err, InvalidArgument, "Sales_Orders")
	if _, err = client.Status(background, "Leads\x00", "1001"); err == nil || !strings.Contains(err.Error(), "NUL") {
		t.Fatal(err)
	}

	// The error that ends a wait is its result alone.
	_, err = client.Wait(background, "Leads", "4711", func(poll Poll) error {
		t.Error(poll)
		return nil
	})
	same("4711", failure(t, err, JobNotFound, "4711").Job.ID)

	// A transient one is progress.
	nowhere, err := FromEnvironment(Settings{"api_domain": "https://127.0.0.1:1", "proxy": "none"})
	same(nil, err)
	mine := errors.New("mine")
	var transient *Error
	_, err = nowhere.Wait(background, "Leads", "1001", func(poll Poll) error {
		transient = failure(t, poll.Err, Connect, "")
		return mine
	})
	same(mine, err)
	same(true, transient.IsTransient() && transient.Job == completed.Job)
	same(nil, nowhere.Close())

	// A job that left records.
	status, err = client.Wait(background, " Leads ", "1003", nil)
	same(nil, err)
	var left *JobFailedError
	same(true, errors.As(status.Check(), &left))
	same("not all of the records are deleted: Leads 1003: COMPLETED, 7 of 9 deleted, 2 failed", left.Error())
	same(nil, completed.Check())

	// Many jobs.
	jobs := []Job{{"Leads", "1001"}, {"Leads", "4711"}, {"Sales Orders", "1"}, {"Leads", "1002"}}
	results, err := client.StatusMany(background, jobs)
	same(nil, err)
	same(Result{completed, nil}, results[0])
	failure(t, results[1].Err, JobNotFound, "")
	same(jobs[2], failure(t, results[2].Err, InvalidArgument, "").Job)
	jobs[3].ID = "1003"
	indexes := map[int]bool{}
	results, err = client.WaitMany(background, jobs, func(poll Poll) error {
		indexes[poll.Index] = true
		return nil
	})
	same(nil, err)
	same(Result{completed, nil}, results[0])
	failure(t, results[1].Err, JobNotFound, "")
	same(int64(2), results[3].Status.FailedCount)
	same(map[int]bool{0: true, 3: true}, indexes)
	limited, cancel = context.WithTimeout(background, 300*time.Millisecond)
	results, err = client.WaitMany(limited, []Job{{"Leads", "1002"}, {"Leads", "1002"}}, nil)
	cancel()
	same(nil, err)
	failure(t, results[0].Err, Timeout, "")
	failure(t, results[1].Err, Timeout, "")

	// Ended by the callback, by a panic in it, by the context.
	polls := 0
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
	_, err = client.Wait(ctx, "Leads", "1002", nil)
	cancel()
	failure(t, err, Timeout, "")
	same(true, errors.Is(err, context.DeadlineExceeded))
	_, err = client.Status(ctx, "Leads", "1001")
	same(ctx.Err(), err)
	answers(client)
	// With contexts too, all calls use the same connection.
	for i := 0; i < 10; i++ {
		ctx, cancel = context.WithTimeout(background, time.Minute)
		_, err = client.Status(ctx, "Leads", "1001")
		cancel()
		same(nil, err)
	}
	counters, err := client.Counters()
	same(nil, err)
	same(true, counters.Calls > counters.Polls && counters.Polls > 0 && counters.Connections <= 5)
	credits, err := client.Credits()
	same(nil, err)
	same(int64(-1), credits)

	_, err = New(Settings{"acces_token": "x"})
	failure(t, err, InvalidConfig, "did you mean access_token")
	if _, err = New(Settings{"proxy": 3.5}); err == nil || !strings.Contains(err.Error(), "float64") {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "config.toml")
	same(nil, os.WriteFile(file, []byte("[wrong]\nmax_retries = \"many\"\n"), 0o600))
	_, err = FromEnvironment(Settings{"config_file": file, "profile": "wrong"})
	failure(t, err, InvalidConfig, "max_retries")
	_, err = FromEnvironment(Settings{"timeout_ms": 100 * time.Hour})
	failure(t, err, InvalidConfig, "timeout_ms")
	stalls, err := FromEnvironment(Settings{"stalled_ms": 50, "timeout_ms": 20 * time.Second})
	same(nil, err)
	status, err = stalls.Wait(background, "Leads", "1002", nil)
	failure(t, err, Stalled, "")
	same(Running, status.State)
	same(nil, stalls.Close())
	other, err := FromEnvironment(Settings{"access_token": "wrong"})
	same(nil, err)
	_, err = other.Status(background, "Leads", "1001")
	same("INVALID_TOKEN", failure(t, err, Unauthorized, "").Code)
	same(nil, other.SetAccessToken(os.Getenv("ZMD_ACCESS_TOKEN")))
	answers(other)
	same(nil, other.Close())
	same("0.1.0", Version())

	// A token provider.
	settings := Settings{"api_domain": os.Getenv("ZMD_API_DOMAIN")}
	if file := os.Getenv("ZMD_CA_FILE"); file != "" {
		settings["ca_file"] = file
	}
	provided := func(provide func(context.Context, string) (string, error)) *Client {
		settings["access_token"] = provide
		client, err := New(settings)
		same(nil, err)
		return client
	}
	var refusals []string
	other = provided(func(_ context.Context, refused string) (string, error) {
		refusals = append(refusals, refused)
		if refused == "" {
			return "old", nil
		}
		return os.Getenv("ZMD_ACCESS_TOKEN"), nil
	})
	answers(other)
	same([]string{"", "old"}, refusals)
	same(nil, other.Close())
	sealed := errors.New("the vault is sealed")
	other = provided(func(context.Context, string) (string, error) { return "", sealed })
	_, err = other.Status(background, "Leads", "1001")
	failure(t, err, OAuth, "the vault is sealed")
	same(true, errors.Is(err, sealed))
	same(nil, other.Close())
	other = provided(func(context.Context, string) (string, error) { return strings.Repeat("x", 5000), nil })
	_, err = other.Status(background, "Leads", "1001")
	failure(t, err, OAuth, "")
	same(nil, other.Close())
	asked := make(chan struct{})
	other = provided(func(ctx context.Context, _ string) (string, error) {
		close(asked)
		<-ctx.Done()
		return "", ctx.Err()
	})
	go func() {
		<-asked
		other.Close()
	}()
	_, err = other.Status(background, "Leads", "1001")
	failure(t, err, Cancelled, "")

	// The log.
	lines := make(chan string, 100)
	same(nil, SetLog(LogDebug, func(level LogLevel, line string) { lines <- fmt.Sprint(level, line) }))
	answers(client)
	same(nil, SetLog(LogOff, nil))
	for line := ""; !strings.Contains(line, "1001 of Leads: COMPLETED"); line = <-lines {
	}
	if testSlog != nil {
		testSlog(t)
	}

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
	begun, ended := make(chan struct{}), make(chan error)
	go func() {
		var once sync.Once
		_, err := client.Wait(background, "Leads", "1002", func(Poll) error {
			once.Do(func() { close(begun) })
			return nil
		})
		ended <- err
	}()
	<-begun
	same(nil, client.Close())
	failure(t, <-ended, Cancelled, "")
	same(nil, client.Close())
	_, err = client.Status(background, "Leads", "1001")
	same(ErrClosed, err)
}
