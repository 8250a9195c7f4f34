#!/bin/sh
# Are there wheels of everything that runs, for each Python and each kind of machine that we promise? Needs the index.
#
# Promise: nothing is built and nothing is installed; a package without a fitting wheel, or with one that the lock does
# not know, ends it with pip's own words.
set -eu
cd "$(dirname "$0")/.."
python=${1:?usage: wheels.sh PYTHON}
for machine in x86_64 aarch64; do
    for version in 311 312 313; do
        "$python" -m pip install --quiet --quiet --disable-pip-version-check --dry-run --ignore-installed --no-deps \
            --target /nonexistent --only-binary=:all: --require-hashes -r requirements/run.txt \
            --implementation cp --python-version "$version" --abi "cp$version" --abi abi3 --abi none \
            --platform "manylinux2014_$machine" --platform "manylinux_2_17_$machine" \
            --platform "manylinux_2_28_$machine" --platform any
        echo "Python 3.${version#3} on $machine: a wheel of every package"
    done
done
