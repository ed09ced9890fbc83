# Compilers for other machines, from Debian 12: sourced by tests/platforms.sh, which sets `cache`, `rust` and `work`. No download may
# take longer than ten minutes.

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi; }

# apt-get for three architectures, from where the system has its packages, with lists of its own: the system's stay as they are.
own_apt() {
    local sources=/etc/apt/sources.list.d/debian.sources
    [ -e "$sources" ] || sources=/etc/apt/sources.list
    timeout 600 apt-get -qq -o Dir::State="$cache/apt" -o Dir::State::status=/var/lib/dpkg/status -o Dir::Cache="$cache/apt" \
        -o Dir::Etc::SourceList="$sources" -o Dir::Etc::SourceParts=- -o Acquire::Languages=none \
        -o Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false -o APT::Sandbox::User= \
        -o APT::Architectures::=amd64 -o APT::Architectures::=arm64 -o APT::Architectures::=i386 "$@"
}

# Unpacks packages below $rust, where the system does not see them.
unpack() {
    local package missing=() folder file
    for package; do [ -e "$rust/.has/$package" ] || missing+=("$package"); done
    [ ${#missing[@]} -gt 0 ] || return 0
    mkdir -p "$rust/.has" "$cache/apt/lists/partial" "$cache/apt/archives/partial"
    folder=$(mktemp -d "$cache/packages.XXXXXX")
    # From the lists that are here already, if they still hold. One that is not needed may be missing: no matter.
    if ! (cd "$folder" && own_apt download "${missing[@]}") &&
        ! { own_apt update || true; (cd "$folder" && own_apt download "${missing[@]}"); }; then
        rm -r "$folder"
        echo "not to be had from this machine's Debian: ${missing[*]}"
        return 1
    fi
    for file in "$folder"/*.deb; do
        dpkg --fsys-tarfile "$file" | tar x -C "$rust" --no-wildcards-match-slash --exclude=./usr/share \
            --exclude='./usr/src/*/compiler' --exclude='./usr/src/*/src' || return 1
    done
    rm -r "$folder"
    for package in "${missing[@]}"; do touch "$rust/.has/$package"; done
}

# Rust 1.85, and its library for these architectures. The names are those of Debian's package for building web browsers.
rust_for() {
    local architecture packages=(rustc-web:amd64=1.85* libstd-rust-web-1.85:amd64=1.85* libllvm19:amd64 libz3-4:amd64)
    for architecture; do packages+=("libstd-rust-web-dev:$architecture=1.85*"); done
    if [ "$(uname -sm)" != "Linux x86_64" ] || ! command -v apt-get >/dev/null; then
        echo "it needs a Debian on x86-64"
        return 1
    fi
    unpack "${packages[@]}" || return 1
    printf '#!/bin/sh\nLD_LIBRARY_PATH=%s exec %s "$@"\n' \
        "$rust/usr/lib/x86_64-linux-gnu" "$rust/usr/bin/rustc" >"$rust/rustc"
    chmod +x "$rust/rustc"
    "$rust/rustc" -V || { echo "Debian's rustc does not run here"; return 1; }
}

# The command $1, installed from the packages that follow if it is missing.
tool() {
    local command=$1
    shift
    command -v "$command" >/dev/null && return
    local install=(timeout 600 apt-get install -y -qq --no-install-recommends "$@")
    as_root "${install[@]}" || { as_root timeout 600 apt-get update -qq && as_root "${install[@]}"; } ||
        { echo "there is no $command, and it cannot be installed ($*)"; return 1; }
}
