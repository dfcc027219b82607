// Package zmd asks Zoho CRM how far a mass-delete job is. It calls libzmd through cgo.
package zmd

/*
#include <stdlib.h>
#include <zmd.h>

int32_t zmdToken(void *user_data, char *refused, char *token, size_t size);

// A handle is a number, which Go must not take for a pointer.
static zmd_error set_token_provider(zmd_config *config, uintptr_t handle)
{
	return zmd_config_set_token_provider(config, (zmd_token_fn)zmdToken, (void *)handle);
}
*/
import "C"

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"
	"unsafe"
)

// Version returns the version of the library.
func Version() string { return C.GoString(C.zmd_version()) }

// Settings are the settings of a client; the keys are those of zmd_config_set() in zmd.h. A value is a string, an integer, a
// time.Duration for a key that ends in _ms, or for access_token a TokenProvider. A misspelt key is an error that suggests
// the right one.
type Settings map[string]any

// Client asks for the status of jobs. Any number of goroutines may use one at the same time. It keeps connections open
// between calls: make one, and keep it.
//
// All of its calls share one goroutine, which takes a thread, however many there are.
type Client struct {
	mutex    sync.RWMutex // written by Close, and where the queue is made
	client   *C.zmd_client
	queue    *queue
	provider *provider
}

// New makes a client with these settings only.
func New(settings Settings) (*Client, error) { return newClient(settings, false) }

// FromEnvironment makes a client with the settings of the environment (ZMD_ACCESS_TOKEN, ZMD_DATA_CENTER, ...), and of
// the configuration file, if there is one. The settings given here take precedence; nil is none. Among them, "profile" and
// "config_file" name a profile of the file, and the file. Variables that the program has set itself with os.Setenv count too.
func FromEnvironment(settings Settings) (*Client, error) { return newClient(settings, true) }

func newClient(settings Settings, environment bool) (made *Client, err error) {
	var config *C.zmd_config
	if err := check(func() C.zmd_error { return C.zmd_config_new(&config) }); err != nil {
		return nil, err
	}
	defer C.zmd_config_free(config)
	client := &Client{}
	defer func() {
		if err != nil {
			client.provider.free()
		}
	}()
	var file, profile *C.char
	for key, value := range settings {
		if provide, ok := tokenProvider(value); ok && key == "access_token" {
			client.provider = newProvider(provide)
			handle := C.uintptr_t(client.provider.handle)
			err = check(func() C.zmd_error { return C.set_token_provider(config, handle) })
		} else {
			var texts texts
			if texts, err = settingTexts(key, value); err != nil {
				return nil, err
			}
			defer texts.free()
			switch {
			case environment && key == "config_file":
				file = texts[1]
			case environment && key == "profile":
				profile = texts[1]
			default:
				err = check(func() C.zmd_error { return C.zmd_config_set(config, texts[0], texts[1]) })
			}
		}
		if err != nil {
			return nil, err
		}
	}
	if environment {
		if err = check(func() C.zmd_error { return C.zmd_config_load_env(config) }); err != nil {
			return nil, err
		}
		if err = check(func() C.zmd_error { return C.zmd_config_load_file(config, file, profile) }); err != nil {
			return nil, err
		}
	}
	if err = check(func() C.zmd_error { return C.zmd_client_new(config, &client.client) }); err != nil {
		return nil, err
	}
	return client, nil
}

func tokenProvider(value any) (TokenProvider, bool) {
	switch provide := value.(type) {
	case TokenProvider:
		return provide, true
	case func(context.Context, string) (string, error):
		return provide, true
	}
	return nil, false
}

func settingTexts(key string, value any) (texts, error) {
	var text string
	switch value := value.(type) {
	case string:
		text = value
	case int, int32, int64, uint, uint32, uint64:
		text = fmt.Sprint(value)
	case time.Duration:
		text = fmt.Sprint(roundedUp(value))
	default:
		return nil, fmt.Errorf("zmd: the setting %s cannot be a %T", key, value)
	}
	return newTexts("a key", key, key, text)
}

func roundedUp(duration time.Duration) int64 {
	return int64((duration + time.Millisecond - 1) / time.Millisecond)
}

// Close ends the calls in progress, and frees the client. A second call does nothing.
func (client *Client) Close() error {
	client.mutex.Lock()
	defer client.mutex.Unlock()
	if client.client == nil {
		return nil
	}
	C.zmd_client_cancel(client.client)
	if client.provider != nil {
		client.provider.cancel()
	}
	if client.queue != nil {
		<-client.queue.ended
	}
	C.zmd_client_free(client.client)
	client.client = nil
	client.provider.free()
	return nil
}

func (provider *provider) free() {
	if provider != nil {
		provider.cancel()
		provider.handle.Delete()
	}
}

// Poll is what a poll of a wait has brought.
type Poll struct {
	Index     int    // of the job in the slice of jobs; 0 in a wait for one
	Status    Status // where Err is nil; else its Job and HTTPStatus
	Err       error  // a transient *Error, after which the wait continues
	Elapsed   time.Duration
	NextPoll  time.Duration // until the next poll of the job; negative: its wait has ended
	Remaining time.Duration // the forecast of the time until the job ends; negative: the counts do not show it
}

// Result is the last status of a job, or its error; with Timeout, Cancelled and Stalled that is the last status seen.
type Result struct {
	Status Status
	Err    error
}

// Status gets the status of a job. A job that failed is a Status, not an error. The time limit is the setting timeout_ms, or
// the context's deadline. Where the context was done before the call, its error is returned.
func (client *Client) Status(ctx context.Context, module, jobID string) (Status, error) {
	return one(client.results(ctx, []Job{{module, jobID}}, true, nil))
}

// StatusMany gets the status of many jobs; the results are in their order. The error is that of a client that is closed, or of a
// context that was done before the call.
func (client *Client) StatusMany(ctx context.Context, jobs []Job) ([]Result, error) {
	return client.results(ctx, jobs, true, nil)
}

// Wait returns when a job has ended, or at the context's deadline. After every poll, progress is called, if it is not
// nil, on the goroutine that called Wait; an error that it returns ends this wait, and Wait returns it. The Status is the
// last one seen, with an error too: call its Check before a step that depends on the deletion.
func (client *Client) Wait(ctx context.Context, module, jobID string, progress func(Poll) error) (Status, error) {
	return one(client.results(ctx, []Job{{module, jobID}}, false, progress))
}

// WaitMany waits until many jobs have ended; the results are in their order. Otherwise it is as Wait. The error is that of
// progress, of a client that is closed, or of a context that was cancelled before the call.
func (client *Client) WaitMany(ctx context.Context, jobs []Job, progress func(Poll) error) ([]Result, error) {
	return client.results(ctx, jobs, false, progress)
}

func one(results []Result, err error) (Status, error) {
	if err == nil {
		err = results[0].Err
	}
	return results[0].Status, err
}

func noStatus(job Job) Status {
	return Status{Job: job, TotalCount: -1, DeletedCount: -1, FailedCount: -1}
}

func (client *Client) results(ctx context.Context, jobs []Job, isStatus bool, progress func(Poll) error) ([]Result, error) {
	results := make([]Result, len(jobs))
	for i, job := range jobs {
		results[i].Status = noStatus(job)
	}
	if err := ctx.Err(); err != nil && (isStatus || err == context.Canceled) {
		return results, err
	}
	queue, err := client.openQueue()
	if err != nil {
		return results, err
	}
	limit := int64(-1)
	if deadline, ok := ctx.Deadline(); ok && !isStatus {
		if limit = roundedUp(time.Until(deadline)); limit < 0 {
			limit = 0
		}
	}
	events := &events{takesPolls: !isStatus, arrived: make(chan struct{}, 1)}
	left := map[int]func(){}
	// What has not ended at the end is ended.
	defer func() {
		for _, remove := range left {
			remove()
		}
	}()
	for i, job := range jobs {
		remove, err := queue.add(events, i, job, limit, isStatus)
		if err != nil {
			results[i].Err = err
		} else {
			left[i] = remove
		}
	}
	end := func(number ErrorNumber, cause error) {
		for i := range left {
			status := results[i].Status
			results[i].Err = &Error{
				Number: number, Message: number.Error(), Job: status.Job, HTTPStatus: status.HTTPStatus, cause: cause,
			}
		}
	}
	done := ctx.Done()
	for len(left) > 0 {
		select {
		case <-events.arrived:
		case <-done:
			switch {
			case ctx.Err() == context.Canceled:
				end(Cancelled, ctx.Err())
			case isStatus:
				end(Timeout, ctx.Err())
			default:
				done = nil // the library's own limit is the same
				continue
			}
			return results, nil
		}
		for _, event := range events.take() {
			failure, failed := event.Err.(*Error)
			if event.hasEnded || !failed {
				results[event.Index].Status = event.Status
			}
			if event.hasEnded {
				delete(left, event.Index)
				results[event.Index].Err = event.Err
			}
			if event.hasEnded && failed {
				// The error that ends a wait is its result.
				if failure.Number == Timeout && limit >= 0 {
					failure.cause = context.DeadlineExceeded
				}
			} else if progress != nil {
				if err := progress(event.Poll); err != nil {
					end(Cancelled, err)
					return results, err
				}
			}
		}
	}
	return results, nil
}

func (client *Client) openQueue() (*queue, error) {
	client.mutex.RLock()
	handle, queue := client.client, client.queue
	client.mutex.RUnlock()
	if handle != nil && queue != nil {
		return queue, nil
	}
	client.mutex.Lock()
	defer client.mutex.Unlock()
	if client.client == nil {
		return nil, ErrClosed
	}
	var err error
	if client.queue == nil {
		client.queue, err = newQueue(client.client, client.provider)
	}
	return client.queue, err
}

// SetAccessToken replaces the access token: calls that start after this one use it.
func (client *Client) SetAccessToken(token string) error {
	texts, err := newTexts("token", token)
	if err != nil {
		return err
	}
	defer texts.free()
	return client.with(func() C.zmd_error { return C.zmd_client_set_access_token(client.client, texts[0]) })
}

// Credits returns the API credits that remained when the service last reported them; -1: it has not.
func (client *Client) Credits() (credits int64, err error) {
	err = client.with(func() C.zmd_error {
		credits = int64(C.zmd_client_credits(client.client))
		return C.ZMD_OK
	})
	return credits, err
}

// Counters are what a client has done: see zmd_counters in zmd.h.
type Counters struct {
	Calls, Polls, Retries, RateLimits, TokenRequests, Connections, BytesSent, BytesReceived int64
	Waited                                                                                  time.Duration
}

// Counters returns what the client has done so far. Each number only grows.
func (client *Client) Counters() (Counters, error) {
	var raw C.zmd_counters
	err := client.with(func() C.zmd_error {
		return C.zmd_client_counters(client.client, &raw, C.size_t(unsafe.Sizeof(raw)))
	})
	return Counters{
		Calls: int64(raw.calls), Polls: int64(raw.polls), Retries: int64(raw.retries), RateLimits: int64(raw.rate_limits),
		TokenRequests: int64(raw.token_requests), Connections: int64(raw.connections),
		BytesSent: int64(raw.bytes_sent), BytesReceived: int64(raw.bytes_received), Waited: milliseconds(raw.waited_ms),
	}, err
}

// Calls the library with the client, which is not closed meanwhile.
func (client *Client) with(call func() C.zmd_error) error {
	client.mutex.RLock()
	defer client.mutex.RUnlock()
	if client.client == nil {
		return ErrClosed
	}
	return check(call)
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
