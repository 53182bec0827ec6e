#!/usr/bin/env bash
# Fetch from npm what README.md lists, and check it against SHA256SUMS.
set -euo pipefail
cd "$(dirname "$0")"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

unpack() { # package, folder: npm verifies the package's own hash
  npm pack --silent --pack-destination "$scratch" "$1" > "$scratch/name"
  mkdir -p "$scratch/$2"
  tar -xzf "$scratch/$(cat "$scratch/name")" -C "$scratch/$2" --strip-components 1
}
unpack @jupyter-widgets/html-manager@1.0.15 widgets
unpack mathjax@3.2.2 mathjax

to=html/_static
mkdir -p $to/widgets $to/mathjax/output/chtml/fonts
cp "$scratch"/widgets/dist/embed.js "$scratch"/widgets/dist/*.woff2 $to/widgets/
cp "$scratch"/mathjax/es5/tex-chtml.js $to/mathjax/
cp -r "$scratch"/mathjax/es5/output/chtml/fonts/woff-v2 $to/mathjax/output/chtml/fonts/
sha256sum --check --quiet SHA256SUMS
