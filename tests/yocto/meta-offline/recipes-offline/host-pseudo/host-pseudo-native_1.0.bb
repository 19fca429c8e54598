SUMMARY = "The distribution's pseudo, as OE-Core's virtual/fakeroot-native"
DESCRIPTION = "Empty, since the distro configuration names /usr/bin/pseudo. ASSUME_PROVIDED would not do: do_package_setscene \
depends on this one, and bitbake wants a recipe behind such a dependency."
LICENSE = "MIT"
LIC_FILES_CHKSUM = "file://${COMMON_LICENSE_DIR}/MIT;md5=0835ade698e0bcf8506ecda2f7b4f302"
PROVIDES += "virtual/fakeroot-native"

inherit native
INHIBIT_DEFAULT_DEPS = "1"
do_configure[noexec] = "1"
do_compile[noexec] = "1"

do_install() {
    install -d ${D}${bindir}
    ln -s /usr/bin/pseudo ${D}${bindir}/host-pseudo
}
