// Package zmd asks Zoho CRM how far a mass-delete job is. It calls libzmd through cgo.
package zmd

/*
#cgo LDFLAGS: -lzmd
#include <stdint.h>
#include <stdlib.h>
#include <zmd.h>

int32_t zmdProgress(void *user_data, size_t index, int32_t error, zmd_status *status);

// A handle is a number, which Go must not take for a pointer.
static zmd_error wait_with_progress(zmd_client *client, const char *module, const char *job_id, int64_t timeout_ms,
                                    uintptr_t handle, zmd_status *status)
{
	return zmd_client_wait(client, module, job_id, timeout_ms, (zmd_progress_fn)zmdProgress, (void *)handle, status);
}
*/
import "C"

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/cgo"
	"strings"
	"sync"
	"time"
	"unsafe"
)

// State is the state of a job.
type State int32

// The states. Completed and Failed are the ends; after Completed, Status.IsSuccessful tells whether all records were deleted.
const (
	Unknown   State = 0 // one that this version does not know: see Status.StateText
	Scheduled State = 1
	Running   State = 2
	Completed State = 3
	Failed    State = 4
	Queued    State = 5
	Suspended State = 6
)

func (state State) String() string {
	return C.GoString(C.zmd_state_name(C.int32_t(state)))
}

// Status is the status of a job.
type Status struct {
	State        State
	StateText    string // the state as the service sent it
	HTTPStatus   int    // of the answer; 0: there was none
	TotalCount   int64  // records that the job is to delete; -1: not reported
	DeletedCount int64  // records deleted so far; -1: not reported
	FailedCount  int64  // records that could not be deleted so far; -1: not reported
}

// IsSuccessful reports whether all records were deleted: the job is Completed, no record failed, and the deleted ones
// reach the total.
func (status Status) IsSuccessful() bool {
	inC := status.inC()
	return C.zmd_status_is_successful(&inC) != 0
}

// HasEnded reports whether the job has ended: Completed or Failed.
func (status Status) HasEnded() bool {
	inC := status.inC()
	return C.zmd_status_has_ended(&inC) != 0
}

// String returns one line for people: "COMPLETED, 9 of 9 deleted, 0 failed". Its wording may change.
func (status Status) String() string {
	inC, text := status.inC(), [256]C.char{}
	C.zmd_status_text(&inC, &text[0], C.size_t(len(text)))
	return C.GoString(&text[0])
}

func (status Status) inC() C.zmd_status {
	inC := C.zmd_status{
		state:         C.zmd_state(status.State),
		http_status:   C.int32_t(status.HTTPStatus),
		total_count:   C.int64_t(status.TotalCount),
		deleted_count: C.int64_t(status.DeletedCount),
		failed_count:  C.int64_t(status.FailedCount),
	}
	for i := 0; i < len(status.StateText) && i < len(inC.state_text)-1; i++ {
		inC.state_text[i] = C.char(status.StateText[i])
	}
	return inC
}

func statusOf(status *C.zmd_status) Status {
	return Status{
		State:        State(status.state),
		StateText:    C.GoString(&status.state_text[0]),
		HTTPStatus:   int(status.http_status),
		TotalCount:   int64(status.total_count),
		DeletedCount: int64(status.deleted_count),
		FailedCount:  int64(status.failed_count),
	}
}

// ErrorNumber is a zmd_error; zmd.h documents each. It is an error itself, so that errors.Is finds it:
// errors.Is(err, zmd.JobNotFound).
type ErrorNumber int32

// The errors of zmd.h.
const (
	NullPointer     ErrorNumber = 1
	InvalidArgument ErrorNumber = 2
	InvalidConfig   ErrorNumber = 3
	DNS             ErrorNumber = 10
	Connect         ErrorNumber = 11
	TLS             ErrorNumber = 12
	Proxy           ErrorNumber = 13
	Network         ErrorNumber = 14
	Timeout         ErrorNumber = 15
	Cancelled       ErrorNumber = 16
	Unauthorized    ErrorNumber = 20
	Scope           ErrorNumber = 21
	Forbidden       ErrorNumber = 22
	InvalidModule   ErrorNumber = 23
	JobNotFound     ErrorNumber = 24
	RateLimited     ErrorNumber = 25
	Server          ErrorNumber = 26
	API             ErrorNumber = 27
	BadResponse     ErrorNumber = 28
	OAuth           ErrorNumber = 29
	Internal        ErrorNumber = 99
)

// Name returns the name in zmd.h, such as ZMD_ERR_TIMEOUT.
func (number ErrorNumber) Name() string {
	return C.GoString(C.zmd_error_name(C.int32_t(number)))
}

func (number ErrorNumber) Error() string {
	return C.GoString(C.zmd_error_message(C.int32_t(number)))
}

// Error is a call that failed.
type Error struct {
	Number  ErrorNumber
	Code    string // the API's own code, such as NO_PERMISSION; "" where there is none
	Message string // what happened and what to do, in one line
	cause   error  // of the context
}

func (failure *Error) Error() string { return failure.Message }

// Is reports whether target is the error's number.
func (failure *Error) Is(target error) bool { return target == error(failure.Number) }

// IsTransient reports whether the same call may succeed later; a wait continues after such an error of a poll.
func (failure *Error) IsTransient() bool {
	return C.zmd_error_is_transient(C.int32_t(failure.Number)) != 0
}

// Unwrap returns context.Canceled or context.DeadlineExceeded where the context ended the call.
func (failure *Error) Unwrap() error { return failure.cause }

// ErrClosed is returned by the calls of a client that is closed.
var ErrClosed = errors.New("zmd: the client is closed")

// The last error belongs to the thread: it is read on the thread of the call.
func check(call func() C.zmd_error) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if number := call(); number != C.ZMD_OK {
		return lastError(ErrorNumber(number))
	}
	return nil
}

func lastError(number ErrorNumber) *Error {
	return &Error{Number: number, Code: C.GoString(C.zmd_last_error_code()), Message: C.GoString(C.zmd_last_error())}
}

// Version returns the version of the library.
func Version() string { return C.GoString(C.zmd_version()) }

// Client asks for the status of jobs. Any number of goroutines may use one at the same time. It keeps connections open
// between calls: make one, and keep it.
type Client struct {
	mutex  sync.RWMutex // read by calls, written by Close
	client *C.zmd_client
}

// New makes a client with these settings only. The keys are those of zmd_config_set() in zmd.h.
func New(settings map[string]string) (*Client, error) { return newClient(settings, false) }

// FromEnvironment makes a client with the settings of the environment (ZMD_ACCESS_TOKEN, ZMD_DATA_CENTER, ...), and of
// the configuration file, if there is one. The settings given here take precedence; nil is none. Variables that the program has set itself with os.Setenv count too.
func FromEnvironment(settings map[string]string) (*Client, error) { return newClient(settings, true) }

func newClient(settings map[string]string, environment bool) (*Client, error) {
	var config *C.zmd_config
	if err := check(func() C.zmd_error { return C.zmd_config_new(&config) }); err != nil {
		return nil, err
	}
	defer C.zmd_config_free(config)
	if environment {
		if err := check(func() C.zmd_error { return C.zmd_config_load_env(config) }); err != nil {
			return nil, err
		}
		if err := check(func() C.zmd_error { return C.zmd_config_load_file(config, nil, nil) }); err != nil {
			return nil, err
		}
	}
	for key, value := range settings {
		texts, err := newTexts("a key", key, key, value)
		if err != nil {
			return nil, err
		}
		err = check(func() C.zmd_error { return C.zmd_config_set(config, texts[0], texts[1]) })
		texts.free()
		if err != nil {
			return nil, err
		}
	}
	client := &Client{}
	if err := check(func() C.zmd_error { return C.zmd_client_new(config, &client.client) }); err != nil {
		return nil, err
	}
	return client, nil
}

// Close ends the calls in progress, and frees the client. A second call does nothing.
func (client *Client) Close() error {
	client.mutex.RLock()
	C.zmd_client_cancel(client.client) // NULL is refused
	client.mutex.RUnlock()
	client.mutex.Lock() // which waits for the calls that this ends
	defer client.mutex.Unlock()
	C.zmd_client_free(client.client)
	client.client = nil
	return nil
}

// Status gets the status of a job. A job that failed is a Status, not an error. A context that can be cancelled costs a
// new connection for the call; the time limit of a call is the setting timeout_ms. Where the context was done
// before the call, its error is returned.
func (client *Client) Status(ctx context.Context, module, jobID string) (Status, error) {
	return client.ask(ctx, module, jobID, true, func(handle *C.zmd_client, texts texts, status *C.zmd_status) C.zmd_error {
		return C.zmd_client_status(handle, texts[0], texts[1], status)
	})
}

// Poll is the result of a poll of a wait.
type Poll struct {
	Status Status
	Err    error // an *Error where the poll failed; the wait continues after a transient error
}

// Wait returns when a job has ended, or at the context's deadline. After every poll, progress is called, if it is not
// nil, on the goroutine that called Wait; an error that it returns ends this wait, and Wait returns it. The Status is the
// last one seen, with an error too.
func (client *Client) Wait(ctx context.Context, module, jobID string, progress func(Poll) error) (Status, error) {
	limit := int64(-1)
	if deadline, ok := ctx.Deadline(); ok {
		if limit = time.Until(deadline).Milliseconds(); limit < 0 {
			limit = 0
		}
	}
	waiting := waiting{progress: progress}
	status, err := client.ask(ctx, module, jobID, false, func(handle *C.zmd_client, texts texts, status *C.zmd_status) C.zmd_error {
		if progress == nil {
			return C.zmd_client_wait(handle, texts[0], texts[1], C.int64_t(limit), nil, nil, status)
		}
		number := cgo.NewHandle(&waiting)
		defer number.Delete()
		return C.wait_with_progress(handle, texts[0], texts[1], C.int64_t(limit), C.uintptr_t(number), status)
	})
	if waiting.panicked != nil {
		panic(waiting.panicked)
	}
	var failure *Error
	if errors.As(err, &failure) && failure.Number == Timeout && limit >= 0 {
		failure.cause = context.DeadlineExceeded // by a millisecond, the context itself may not know yet
	}
	if waiting.err != nil {
		err = waiting.err
	}
	return status, err
}

// Shared by a wait and its callback.
type waiting struct {
	progress func(Poll) error
	err      error
	panicked any
}

// A panic must not unwind through the library: it is kept until the call has returned.
func (waiting *waiting) polled(number ErrorNumber, status *C.zmd_status) (stop C.int32_t) {
	defer func() {
		if waiting.panicked = recover(); waiting.panicked != nil {
			stop = 1
		}
	}()
	poll := Poll{Status: statusOf(status)}
	if number != 0 {
		poll.Err = lastError(number)
	}
	if waiting.err = waiting.progress(poll); waiting.err != nil {
		return 1
	}
	return 0
}

// Calls the library; where the context is done, or with isLimited at its deadline too, the call ends.
func (client *Client) ask(ctx context.Context, module, jobID string, isLimited bool,
	call func(*C.zmd_client, texts, *C.zmd_status) C.zmd_error) (Status, error) {
	status := C.zmd_status{total_count: -1, deleted_count: -1, failed_count: -1}
	if err := ctx.Err(); err != nil && (isLimited || err == context.Canceled) {
		return statusOf(&status), err
	}
	texts, err := newTexts("module", module, "jobID", jobID)
	if err != nil {
		return statusOf(&status), err
	}
	defer texts.free()
	client.mutex.RLock()
	defer client.mutex.RUnlock()
	if client.client == nil {
		return statusOf(&status), ErrClosed
	}
	handle := client.client
	if ctx.Done() != nil {
		// Cancelling affects all of a client's calls and cannot be undone: so this call has a clone.
		if err := check(func() C.zmd_error { return C.zmd_client_clone(client.client, &handle) }); err != nil {
			return statusOf(&status), err
		}
		defer C.zmd_client_free(handle)
		returned, watched := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(watched)
			select {
			case <-ctx.Done():
				if isLimited || ctx.Err() == context.Canceled {
					C.zmd_client_cancel(handle)
				}
			case <-returned:
			}
		}()
		defer func() { <-watched }()
		defer close(returned)
	}
	err = check(func() C.zmd_error { return call(handle, texts, &status) })
	var failure *Error
	if errors.As(err, &failure) && failure.Number == Cancelled {
		failure.cause = ctx.Err()
	}
	return statusOf(&status), err
}

// SetAccessToken replaces the access token: calls that start after this one use it.
func (client *Client) SetAccessToken(token string) error {
	texts, err := newTexts("token", token)
	if err != nil {
		return err
	}
	defer texts.free()
	client.mutex.RLock()
	defer client.mutex.RUnlock()
	if client.client == nil {
		return ErrClosed
	}
	return check(func() C.zmd_error { return C.zmd_client_set_access_token(client.client, texts[0]) })
}

// Strings of C, which must be freed.
type texts []*C.char

// Names and values in turn.
func newTexts(pairs ...string) (texts, error) {
	for i := 0; i < len(pairs); i += 2 {
		if strings.ContainsRune(pairs[i+1], 0) {
			return nil, fmt.Errorf("zmd: %s has a NUL in it", pairs[i])
		}
	}
	var made texts
	for i := 1; i < len(pairs); i += 2 {
		made = append(made, C.CString(pairs[i]))
	}
	return made, nil
}

func (texts texts) free() {
	for _, text := range texts {
		C.free(unsafe.Pointer(text))
	}
}
