#!/bin/sh
# Installs what the interoperability tests run against: the packages of the JavaScript peers (and
# their own Node) beside them, exactly as their lock files say; and, where Go is new enough, the
# modules of the Go peers into Go's caches. `make deps` calls it; the tests themselves install
# nothing. What is there already is left alone.
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
go_needed=1.26.6

install_js() {
  folder=$here/js/$1
  stamp=$folder/node_modules/.installed
  hash=$(cat "$folder/package.json" "$folder/package-lock.json" | sha256sum | cut -c1-64)-$(uname -m)
  if [ "$(cat "$stamp" 2>/dev/null)" = "$hash" ]; then return; fi
  if ! command -v npm >/dev/null; then
    echo "install.sh: npm is missing; 'make deps' or 'apt-get install npm' installs it" >&2
    exit 1
  fi
  echo "interop: installing the packages of js/$1"
  (cd "$folder" && npm ci --no-progress --loglevel=error)
  # npm counts an optional package that it could not fetch as a success.
  if [ "$1" = node ] && ! ls "$folder"/node_modules/node-linux-*/bin/node >/dev/null 2>&1; then
    echo "install.sh: npm did not install Node for $(uname -m); is the package registry in reach?" >&2
    exit 1
  fi
  printf '%s\n' "$hash" >"$stamp"
}

go_is_new_enough() {
  found=$(GOTOOLCHAIN=local go env GOVERSION 2>/dev/null | sed -n 's/^go\([0-9.]*\).*/\1/p')
  [ -n "$found" ] && [ "$(printf '%s\n%s\n' "$go_needed" "$found" | sort -V | head -n 1)" = "$go_needed" ]
}

# Downloads and compiles into Go's own caches; building a peer later is a matter of linking.
install_go() {
  (
    cd "$here/go/$1"
    export GOTOOLCHAIN=local GOFLAGS='-mod=readonly -buildvcs=false' GOWORK=off
    if GOPROXY=off go list -deps -tags "$2" . >/dev/null 2>&1; then :; else
      echo "interop: downloading the modules of go/$1"
      go mod download
    fi
    go list -deps -export -tags "$2" . >/dev/null
    # The same peer on a peerstore of ours needs our library to be compiled: only downloaded here.
    if GOPROXY=off go list -modfile=wakupeers.mod -deps -tags "$2,wakupeers" . >/dev/null 2>&1; then return; fi
    go mod download -modfile=wakupeers.mod
  )
}

# Of the Go binding: its tests' modules too. What needs our library is built with the tests.
install_go_binding() {
  (
    cd "$here/../../bindings/go"
    export GOTOOLCHAIN=local GOFLAGS='-mod=readonly -buildvcs=false' GOWORK=off
    if GOPROXY=off go list -deps -test ./... >/dev/null 2>&1; then return; fi
    echo "interop: downloading the modules of bindings/go"
    go mod download
  )
}

exec 9>"$here/js/.lock"
flock 9
install_js node
install_js libp2p
install_js waku
if go_is_new_enough; then
  install_go libp2p ''
  install_go waku gowaku_no_rln
  install_go_binding
else
  echo "interop: no Go >= $go_needed here: the tests against go-libp2p and go-waku, and those of the Go"
  echo "binding, will be skipped"
fi
