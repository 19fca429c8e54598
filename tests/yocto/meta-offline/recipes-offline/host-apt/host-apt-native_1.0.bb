SUMMARY = "The distribution's apt and dpkg, as OE-Core's native ones"
DESCRIPTION = "The configuration that oe.package_manager.deb completes, and a dpkg that runs maintainer scripts unchrooted with \
D set, as OE-Core's patched one does."
LICENSE = "MIT"
LIC_FILES_CHKSUM = "file://${COMMON_LICENSE_DIR}/MIT;md5=0835ade698e0bcf8506ecda2f7b4f302"
PROVIDES += "apt-native dpkg-native"
SRC_URI = "file://apt.conf.sample file://dpkg"
S = "${UNPACKDIR}"

inherit native
INHIBIT_DEFAULT_DEPS = "1"
do_configure[noexec] = "1"
do_compile[noexec] = "1"

do_install() {
    install -d ${D}${sysconfdir}/apt ${D}${bindir}
    sed -e 's,@STAGING@,${STAGING_DIR_NATIVE},g' -e 's,@BINDIR@,${STAGING_BINDIR_NATIVE},g' \
        ${S}/apt.conf.sample > ${D}${sysconfdir}/apt/apt.conf.sample
    install -m 0755 ${S}/dpkg ${D}${bindir}/dpkg
}
