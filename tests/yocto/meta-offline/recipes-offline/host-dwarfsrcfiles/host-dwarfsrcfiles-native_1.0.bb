SUMMARY = "A dwarfsrcfiles that lists no source files"
DESCRIPTION = "do_package asks it what to put into -src packages; here these stay empty, and nothing is compiled for it."
LICENSE = "MIT"
LIC_FILES_CHKSUM = "file://${COMMON_LICENSE_DIR}/MIT;md5=0835ade698e0bcf8506ecda2f7b4f302"
PROVIDES += "dwarfsrcfiles-native"

inherit native
INHIBIT_DEFAULT_DEPS = "1"
do_configure[noexec] = "1"
do_compile[noexec] = "1"

do_install() {
    install -d ${D}${bindir}
    printf '#!/bin/sh\nexit 0\n' > ${D}${bindir}/dwarfsrcfiles
    chmod 0755 ${D}${bindir}/dwarfsrcfiles
}
