/* From where on callgrind counts: what comes before is run, but not counted, and many times faster so. */
#ifndef WPM_BENCH_COUNTED_H
#define WPM_BENCH_COUNTED_H

#if __has_include(<valgrind/callgrind.h>)
#include <valgrind/callgrind.h>
#define WPM_BENCH_IS_COUNTED 1
#else /* It comes with valgrind, without which nothing is counted. */
#define WPM_BENCH_IS_COUNTED 0
#define CALLGRIND_START_INSTRUMENTATION ((void)0)
#define CALLGRIND_STOP_INSTRUMENTATION ((void)0)
#endif

#endif
