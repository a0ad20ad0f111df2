# What the package's maintainer scripts share (sourced, by /bin/sh).

running() { [ -d /run/systemd/system ]; }

# The units of a list: enable, start or stop.
units() { sed -n "s/^$1 //p" /usr/lib/tiepdon/units; }

# `tiepdon database ...` as the database's owner, with the key handed over by systemd as to a unit: nothing that is root's
# is left in its folder, and what it says is shown here.
database() {
    key=/etc/tiepdon/secrets/site.key
    set -- /usr/lib/tiepdon/bin/tiepdon database "$@" --config /etc/tiepdon/tiepdon.toml
    if [ -e "$key" ]; then set -- -p "LoadCredential=site.key:$key" "$@"; fi
    systemd-run --quiet --wait --pipe --collect --unit="tiepdon-package-$$" -p User=tiepdon -p Group=tiepdon \
        -p UMask=0077 -p RuntimeDirectory=tiepdon -p RuntimeDirectoryMode=0711 -p RuntimeDirectoryPreserve=yes \
        -p StateDirectory=tiepdon -p StateDirectoryMode=0700 "$@"
}
