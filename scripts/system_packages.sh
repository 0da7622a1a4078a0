#!/usr/bin/env bash
# Installs the system packages that some tests use, where that is possible, and says what is skipped where it is not.
set -u
packages=(fonts-noto-cjk chromium postgresql gir1.2-gst-rtsp-server-1.0 python3-gi gstreamer1.0-plugins-base gstreamer1.0-plugins-good
          gstreamer1.0-plugins-bad gstreamer1.0-plugins-ugly gstreamer1.0-rtsp)

missing() {
    for package in "${packages[@]}"; do
        dpkg-query -W -f='${db:Status-Abbrev}' "$package" 2>/dev/null | grep -q '^ii' || echo "$package"
    done
}

if ! command -v apt-get >/dev/null; then
    echo "no apt-get here: the tests of CJK labels, RTSP cameras, the console in a browser and a PostgreSQL of one's own are skipped unless their programs are installed otherwise"
    exit 0
fi
wanted=$(missing)
[ -z "$wanted" ] && exit 0
if [ "$(id -u)" -ne 0 ]; then
    echo "skipped tests (CJK labels, RTSP cameras, browser, PostgreSQL of one's own) need: sudo apt-get install" $wanted
    exit 0
fi
echo "installing system packages for the tests:" $wanted
{ apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $wanted; } >/dev/null 2>&1
wanted=$(missing)
[ -z "$wanted" ] || echo "could not be installed, their tests are skipped:" $wanted
exit 0
