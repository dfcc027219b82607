package zmd

// #include <zmd.h>
import "C"

import (
	"context"
	"errors"
	"runtime/cgo"
	"strings"
	"sync"
	"sync/atomic"
	"unsafe"
)

// TokenProvider returns an access token, for example from a vault. It is called when one is needed, with the token that
// the service refused, or ""; on a thread of the library, one call at a time. It may block: a call that needs the token
// ends at its own limit. The context is done when the client is closed, which waits for it. Its error is wrapped in that
// of the call, which is OAuth.
type TokenProvider func(ctx context.Context, refused string) (string, error)

type provider struct {
	provide TokenProvider
	ctx     context.Context
	cancel  context.CancelFunc
	handle  cgo.Handle
	mutex   sync.Mutex
	err     error // of its last call
}

func newProvider(provide TokenProvider) *provider {
	made := &provider{provide: provide}
	made.ctx, made.cancel = context.WithCancel(context.Background())
	made.handle = cgo.NewHandle(made)
	return made
}

func (provider *provider) cause() error {
	provider.mutex.Lock()
	defer provider.mutex.Unlock()
	return provider.err
}

//export zmdToken
func zmdToken(userData unsafe.Pointer, refused, token *C.char, size C.size_t) C.int32_t {
	provider := cgo.Handle(uintptr(userData)).Value().(*provider)
	text, err := provider.provide(provider.ctx, C.GoString(refused))
	if err == nil && strings.ContainsRune(text, 0) {
		err = errors.New("the access token has a NUL in it")
	}
	provider.mutex.Lock()
	provider.err = err
	provider.mutex.Unlock()
	room := unsafe.Slice((*byte)(unsafe.Pointer(token)), int(size))
	if err != nil {
		text = strings.ReplaceAll(err.Error(), "\x00", " ")
		room[copy(room[:len(room)-1], text)] = 0
		return 1
	}
	if len(text) >= len(room) {
		text = "" // which is refused as well: the library names the rule
	}
	room[copy(room, text)] = 0
	return 0
}

// LogLevel is how much a log says.
type LogLevel int32

// The levels of the log.
const (
	LogOff   LogLevel = 0
	LogError LogLevel = 1
	LogWarn  LogLevel = 2
	LogInfo  LogLevel = 3
	LogDebug LogLevel = 4
	LogTrace LogLevel = 5
)

var logger atomic.Value

//export zmdLog
func zmdLog(userData unsafe.Pointer, level C.int32_t, line *C.char) {
	logger.Load().(func(LogLevel, string))(LogLevel(level), C.GoString(line))
}
