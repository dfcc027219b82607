package zmd

// #include <zmd.h>
import "C"

import "fmt"

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

// Job identifies a job.
type Job struct {
	Module string // its API name, such as Sales_Orders
	ID     string
}

// Status is the status of a job.
type Status struct {
	Job          Job
	State        State
	StateText    string // the state as the service sent it
	HTTPStatus   int    // of the response; 0: there was none
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

// Check returns a *JobFailedError unless all records were deleted.
func (status Status) Check() error {
	if status.IsSuccessful() {
		return nil
	}
	return &JobFailedError{status}
}

// String returns one line for people: "COMPLETED, 9 of 9 deleted, 0 failed". Its wording may change.
func (status Status) String() string {
	inC, text := status.inC(), [256]C.char{}
	C.zmd_status_text(&inC, &text[0], C.size_t(len(text)))
	return C.GoString(&text[0])
}

// JobFailedError is the error of a job that has left records: see Status.Check.
type JobFailedError struct{ Status Status }

func (failure *JobFailedError) Error() string {
	job := failure.Status.Job
	return fmt.Sprintf("not all of the records are deleted: %s %s: %v", job.Module, job.ID, failure.Status)
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

func statusOf(job Job, status *C.zmd_status) Status {
	return Status{
		Job:          job,
		State:        State(status.state),
		StateText:    C.GoString(&status.state_text[0]),
		HTTPStatus:   int(status.http_status),
		TotalCount:   int64(status.total_count),
		DeletedCount: int64(status.deleted_count),
		FailedCount:  int64(status.failed_count),
	}
}
