# Puts what goes into the images below /out, by layers.
set -eu
mkdir -p /out/sources/sluice /out/cache/sluice /out/server/data
cd /sluice
mv bin docker src templates udfs /out/sources/sluice
mv cache /out/cache/sluice
# Node keeps what it compiles apart for each user, and from all others; what root has compiled here is good for all.
cd /out/cache/sluice/cache
chmod -R a+rX .
for folder in *-0; do
  for user in 65532 1000; do ln -s "$folder" "${folder%-0}-$user"; done
done
find /out -exec touch -h -d @0 {} +
