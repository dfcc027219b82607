/*
 * For ppc64le alone: zig compiles its unwinder with the names that the C library has given to these functions for another
 * long double, in 2.32. Nothing is printed with one, and so those of every version do as well.
 */
typedef __builtin_va_list va_list;
int vfprintf(void *file, const char *format, va_list arguments);
int vsnprintf(char *text, unsigned long size, const char *format, va_list arguments);

__attribute__((visibility("hidden"))) int __fprintfieee128(void *file, const char *format, ...)
{
    va_list arguments;
    int written;

    __builtin_va_start(arguments, format);
    written = vfprintf(file, format, arguments);
    __builtin_va_end(arguments);
    return written;
}

__attribute__((visibility("hidden"))) int __snprintfieee128(char *text, unsigned long size, const char *format, ...)
{
    va_list arguments;
    int written;

    __builtin_va_start(arguments, format);
    written = vsnprintf(text, size, format, arguments);
    __builtin_va_end(arguments);
    return written;
}
