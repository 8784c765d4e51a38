/* The numbers by which closed sets stand on disk.
 *
 * They are part of the schema: a released one never changes, whatever becomes of the enum, and a new
 * value gets the next number. A number that this version does not know cannot be decoded.
 */
#ifndef WPM_STORAGE_CODES_H
#define WPM_STORAGE_CODES_H

#include <wakupeers/types.h>

/* The number of a value inside of its set. Connectivity and direction take two bits, sources four. */
uint8_t wpm_code_of_connectivity(wpm_connectivity value);
uint8_t wpm_code_of_reason(wpm_reason value);
uint8_t wpm_code_of_origin(wpm_origin value);
uint8_t wpm_code_of_direction(wpm_direction value);
uint8_t wpm_code_of_source(wpm_address_source value);

/* The value of a number; false where there is none. */
WPM_MUST_USE bool wpm_code_to_connectivity(uint8_t code, wpm_connectivity *out);
WPM_MUST_USE bool wpm_code_to_reason(uint8_t code, wpm_reason *out);
WPM_MUST_USE bool wpm_code_to_origin(uint8_t code, wpm_origin *out);
WPM_MUST_USE bool wpm_code_to_direction(uint8_t code, wpm_direction *out);
WPM_MUST_USE bool wpm_code_to_source(uint8_t code, wpm_address_source *out);

#endif
