//go:build !wakupeers_pkgconfig

package pstorewpm

// In the source tree the library is where `make build` leaves it.

// #cgo CFLAGS: -I${SRCDIR}/../../include
// #cgo LDFLAGS: -L${SRCDIR}/../../build/release -lwakupeers -Wl,-rpath,${SRCDIR}/../../build/release
import "C"
