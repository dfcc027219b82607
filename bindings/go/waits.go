package zmd

// #include <zmd.h>
import "C"

import (
	"runtime"
	"strings"
	"sync"
	"time"
)

// The queue of a client, whose one goroutine takes its events, however many calls there are.
type queue struct {
	waits    *C.zmd_waits
	provider *provider
	mutex    sync.Mutex // of what follows; held while a call is added, or its event could come before
	calls    map[C.uint64_t]entry
	isOver   bool
	ended    chan struct{} // closed when it is freed
}

// A job of a call.
type entry struct {
	events *events
	index  int
	job    Job
}

type event struct {
	Poll
	hasEnded bool
}

// The events of one call.
type events struct {
	takesPolls bool
	arrived    chan struct{}
	mutex      sync.Mutex
	list       []event
}

func (events *events) put(event event) {
	events.mutex.Lock()
	events.list = append(events.list, event)
	events.mutex.Unlock()
	select {
	case events.arrived <- struct{}{}:
	default:
	}
}

func (events *events) take() []event {
	events.mutex.Lock()
	defer events.mutex.Unlock()
	list := events.list
	events.list = nil
	return list
}

func newQueue(client *C.zmd_client, provider *provider) (*queue, error) {
	made := &queue{provider: provider, calls: map[C.uint64_t]entry{}, ended: make(chan struct{})}
	if err := check(func() C.zmd_error { return C.zmd_waits_new(client, &made.waits) }); err != nil {
		return nil, err
	}
	go made.run()
	return made, nil
}

// Starts a wait or a status call. What it returns ends it: there are no more events then.
func (queue *queue) add(events *events, index int, job Job, limit int64, isStatus bool) (func(), error) {
	texts, err := newTexts("module", job.Module, "job id", job.ID)
	if err != nil {
		return nil, err
	}
	defer texts.free()
	queue.mutex.Lock()
	defer queue.mutex.Unlock()
	if queue.isOver {
		return nil, ErrClosed
	}
	var id C.uint64_t
	err = check(func() C.zmd_error {
		if isStatus {
			return C.zmd_waits_add_status(queue.waits, texts[0], texts[1], C.int64_t(limit), &id)
		}
		return C.zmd_waits_add(queue.waits, texts[0], texts[1], C.int64_t(limit), &id)
	})
	if failure, ok := err.(*Error); ok {
		failure.Job = job
		return nil, failure
	}
	queue.calls[id] = entry{events, index, Job{strings.TrimSpace(job.Module), strings.TrimSpace(job.ID)}}
	return func() { queue.remove(id) }, nil
}

func (queue *queue) remove(id C.uint64_t) {
	queue.mutex.Lock()
	defer queue.mutex.Unlock()
	if _, ok := queue.calls[id]; ok && !queue.isOver {
		delete(queue.calls, id)
		C.zmd_waits_remove(queue.waits, id)
	}
}

// Takes events until the queue is cancelled and empty, and frees it.
func (queue *queue) run() {
	runtime.LockOSThread() // the error of an event belongs to the thread
	defer runtime.UnlockOSThread()
	var raw C.zmd_event
	number := C.zmd_waits_next(queue.waits, -1, &raw)
	for ; number == C.ZMD_OK; number = C.zmd_waits_next(queue.waits, -1, &raw) {
		queue.deliver(&raw)
	}
	message := C.GoString(C.zmd_last_error())
	queue.mutex.Lock()
	left := queue.calls
	queue.isOver = true
	queue.mutex.Unlock()
	C.zmd_waits_free(queue.waits)
	// There are some only after a bug of the library.
	for _, entry := range left {
		failure := &Error{Number: ErrorNumber(number), Message: message, Job: entry.job}
		entry.events.put(event{Poll{Index: entry.index, Status: noStatus(entry.job), Err: failure}, true})
	}
	close(queue.ended)
}

func (queue *queue) deliver(raw *C.zmd_event) {
	hasEnded := raw.has_ended != 0
	queue.mutex.Lock()
	entry, ok := queue.calls[raw.id]
	if hasEnded {
		delete(queue.calls, raw.id)
	}
	queue.mutex.Unlock()
	if !ok || !(hasEnded || entry.events.takesPolls) {
		return
	}
	poll := Poll{
		Index:     entry.index,
		Status:    statusOf(entry.job, &raw.status),
		Elapsed:   milliseconds(raw.elapsed_ms),
		NextPoll:  milliseconds(raw.next_poll_ms),
		Remaining: milliseconds(C.zmd_progress_remaining_ms()),
	}
	if raw.error != C.ZMD_OK {
		failure := &Error{
			Number:     ErrorNumber(raw.error),
			Code:       C.GoString(C.zmd_last_error_code_of_job(0)),
			Message:    C.GoString(C.zmd_last_error_of_job(0)),
			Job:        entry.job,
			HTTPStatus: poll.Status.HTTPStatus,
		}
		if failure.Number == OAuth && queue.provider != nil {
			failure.cause = queue.provider.cause()
		}
		poll.Err = failure
	}
	entry.events.put(event{poll, hasEnded})
}

func milliseconds(number C.int64_t) time.Duration {
	if number < 0 {
		return -1
	}
	return time.Duration(number) * time.Millisecond
}
