/* What the Rust compiler's ThreadSanitizer calls and gcc's runtime lacks: there, memcpy and others are checked themselves. */
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif
void *__tsan_memcpy(void *to, const void *from, size_t size);
void *__tsan_memmove(void *to, const void *from, size_t size);
void *__tsan_memset(void *to, int byte, size_t size);

void *__tsan_memcpy(void *to, const void *from, size_t size) { return memcpy(to, from, size); }
void *__tsan_memmove(void *to, const void *from, size_t size) { return memmove(to, from, size); }
void *__tsan_memset(void *to, int byte, size_t size) { return memset(to, byte, size); }
#ifdef __cplusplus
}
#endif
