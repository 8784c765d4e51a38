//go:build wakupeers_pkgconfig

package pstorewpm

// Elsewhere pkg-config knows where it is. `make install` installs this file without its constraint, and
// not link_tree.go.

// #cgo pkg-config: wakupeers
import "C"
