/* A resolver of the test's own in place of the system's: this program's getaddrinfo. Names that it
 * does not know are not found; addresses in numbers stand for themselves. No packet is sent. */
#pragma once

#include <stddef.h>

/* The addresses (IPv4, in numbers) that `name` has from now on; at most 16, and 8 names. 0: it has
 * none, although it is known. */
void names_set(const char *name, const char *const *addresses, size_t count);

/* Look-ups of any name wait until names_go_on. */
void names_wait(void);
void names_go_on(void);
/* How many look-ups have begun. */
size_t names_asked(void);
