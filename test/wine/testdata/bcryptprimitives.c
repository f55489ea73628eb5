// Wine 8.0 has no bcryptprimitives.dll, and every Go program for Windows asks
// it for random bytes. SystemFunction036 is RtlGenRandom.
#include <windows.h>

BOOLEAN WINAPI SystemFunction036(PVOID buffer, ULONG length);

__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE data, SIZE_T length)
{
    return SystemFunction036(data, (ULONG)length);
}
