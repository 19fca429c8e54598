SUMMARY = "Files as a vendor delivers them: packaged as they are, and none of them as symbols want it"
LICENSE = "MIT"
LIC_FILES_CHKSUM = "file://${COMMON_LICENSE_DIR}/MIT;md5=0835ade698e0bcf8506ecda2f7b4f302"

FILESEXTRAPATHS:prepend := "${THISDIR}/../plain-program/files:"
SRC_URI = "file://plain.c"
S = "${UNPACKDIR}"

inherit crashdump

INHIBIT_PACKAGE_STRIP = "1"
INHIBIT_PACKAGE_DEBUG_SPLIT = "1"
VENDOR = "/opt/vendor"

do_compile() {
    ${CC} ${CFLAGS} ${LDFLAGS} -o good plain.c
    ${CC} ${CFLAGS} ${LDFLAGS} -g0 -s -o no-debug-info plain.c
    ${CC} ${CFLAGS} ${LDFLAGS} -Wl,--build-id=none -o no-build-id plain.c
    head -c 1000 good > cut-off
}

do_install() {
    install -d ${D}${VENDOR}/bin
    install -m 0755 no-debug-info no-build-id cut-off ${D}${VENDOR}/bin/
    install -m 0755 good "${D}${VENDOR}/bin/with a space"
    # the packager's fakeroot may read it, and so it breaks nothing
    install -m 0000 good ${D}${VENDOR}/bin/secret
}

FILES:${PN} = "${VENDOR}"
INSANE_SKIP:${PN} = "already-stripped arch ldflags"

# As after a fault of the disk: PREBUILT_HIDDEN = "1" takes a file's permissions away for real, outside fakeroot.
PREBUILT_HIDDEN ?= "0"
do_crashdump_symbols[prefuncs] += "prebuilt_hide"
prebuilt_hide() {
    chmod 0755 ${PKGDEST}/${PN}${VENDOR}/bin/secret
    if [ "${PREBUILT_HIDDEN}" = 1 ]; then
        chmod 0000 ${PKGDEST}/${PN}${VENDOR}/bin/secret
    fi
}
