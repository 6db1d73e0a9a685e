/* The programs of the tracer. They copy plaintext of LLM traffic of allowed processes to a ring, refuse stopped
 * processes connections to LLMs, and nothing else.
 *
 * One source, two loaders: `make ebpf` compiles it to the object that the native core loads, and BCC compiles it at run
 * time.
 */
#include "platform.h"

#include "record.h"
#include "state.h"

#include "identity.h"

#include "gate.h"

#include "capture.h"

#include "audit.h"

#include "go.h"
#include "plain.h"
#include "process.h"
#include "stop.h"
#include "tls.h"
