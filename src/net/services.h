/* The protocols that every connection speaks, beside ping (pinger.h): identify and identify push
 * (libp2p/specs identify) and Waku metadata (66/WAKU2-METADATA), in both roles. */
#ifndef WPM_NET_SERVICES_H
#define WPM_NET_SERVICES_H

#include "net/stream.h"

extern const wpm_stream_type wpm_identify_responder;
extern const wpm_stream_type wpm_identify_push_responder;
extern const wpm_stream_type wpm_metadata_responder;
extern const wpm_stream_type wpm_ping_responder;

#endif
