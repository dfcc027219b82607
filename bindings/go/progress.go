package zmd

// #include <zmd.h>
import "C"

import (
	"runtime/cgo"
	"unsafe"
)

//export zmdProgress
func zmdProgress(userData unsafe.Pointer, index C.size_t, number C.int32_t, status *C.zmd_status) C.int32_t {
	return cgo.Handle(uintptr(userData)).Value().(*waiting).polled(ErrorNumber(number), status)
}
