SUMMARY = "An update-alternatives that leaves the links to others"
DESCRIPTION = "The test images are never booted, so packages' scripts need to find a command of that name and no more."
LICENSE = "MIT"
LIC_FILES_CHKSUM = "file://${COMMON_LICENSE_DIR}/MIT;md5=0835ade698e0bcf8506ecda2f7b4f302"
PROVIDES += "virtual/update-alternatives"
PROVIDES:class-native += "virtual/update-alternatives-native"
INHIBIT_DEFAULT_DEPS = "1"
do_configure[noexec] = "1"
do_compile[noexec] = "1"

do_install() {
    install -d ${D}${bindir}
    printf '#!/bin/sh\nexit 0\n' > ${D}${bindir}/update-alternatives
    chmod 0755 ${D}${bindir}/update-alternatives
}

BBCLASSEXTEND = "native"
