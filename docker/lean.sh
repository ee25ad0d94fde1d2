# Takes out of the folder of packages what no program of ours reads when it runs. Licences stay.
set -eu
cd "$1"
# The image brings its own Node.
rm -rf node-linux-* node-bin-* .bin .cache .package-lock.json @types
rm -rf isolated-vm/src isolated-vm/vendor isolated-vm/native-example isolated-vm/*.tgz
case $(uname -m) in
  x86_64) machine=linux-x64 ;;
  aarch64) machine=linux-arm64 ;;
  *) machine=linux-* ;;
esac
find isolated-vm/prebuilds -mindepth 1 -maxdepth 1 ! -name "$machine" -exec rm -rf {} +
find . -type f \( -name '*.map' -o -name '*.d.ts' -o -name '*.d.mts' -o -name '*.d.cts' -o -name '*.flow' \) -exec rm -f {} +
find . -type f -name '*.md' ! -iname 'licen*' ! -iname 'notice*' -exec rm -f {} +
