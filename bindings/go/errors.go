package zmd

// #include <zmd.h>
import "C"

import (
	"errors"
	"runtime"
)

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
	Stalled         ErrorNumber = 17
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
	Number     ErrorNumber
	Code       string // the API's own code, such as NO_PERMISSION; "" where there is none
	Message    string // what happened and what to do, in one line
	Job        Job    // of the call; empty if the error concerns none
	HTTPStatus int    // of the response that failed; 0: there was none
	cause      error
}

func (failure *Error) Error() string { return failure.Message }

// Is reports whether target is the error's number.
func (failure *Error) Is(target error) bool { return target == error(failure.Number) }

// IsTransient reports whether the same call may succeed later; a wait continues after such an error of a poll. A proxy
// that refused the credentials refuses them again.
func (failure *Error) IsTransient() bool {
	return C.zmd_error_is_transient(C.int32_t(failure.Number)) != 0 && failure.HTTPStatus != 407
}

// Unwrap returns the error of the context that ended the call, or that of the token provider.
func (failure *Error) Unwrap() error { return failure.cause }

// ErrClosed is returned by the calls of a client that is closed.
var ErrClosed = errors.New("zmd: the client is closed")

// The last error belongs to the thread: it is read on the thread of the call.
func check(call func() C.zmd_error) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if number := call(); number != C.ZMD_OK {
		return &Error{
			Number:  ErrorNumber(number),
			Code:    C.GoString(C.zmd_last_error_code()),
			Message: C.GoString(C.zmd_last_error()),
		}
	}
	return nil
}
