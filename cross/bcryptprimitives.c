/*
 * For the tests alone: Wine 8 has no bcryptprimitives.dll, from which Rust's standard library takes random numbers on
 * Windows. Every Windows from 7 on has it.
 */
#include <windows.h>

BOOLEAN NTAPI SystemFunction036(PVOID buffer, ULONG size);

__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE buffer, SIZE_T size)
{
    return SystemFunction036(buffer, (ULONG)size);
}
