/* Large pages for memory that is used all over. */
#ifndef APP_HUGE_PAGES_H
#define APP_HUGE_PAGES_H

/* Asks the system for huge pages for what malloc gives from now on: in a world of a million peers most of
 * the time is waiting for memory, a tenth of it for page tables. Where that cannot be had, nothing changes.
 * For a process with one thread that ends soon: freed memory is not given back. */
void huge_pages_prefer(void);

#endif
