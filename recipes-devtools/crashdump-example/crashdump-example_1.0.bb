SUMMARY = "Two small C++ programs and a library that crash on demand"
DESCRIPTION = "Shows what crashdump.bbclass leaves in the deploy folder, and how a stack reads with it: 'backend' and 'app' \
crash in the ways that programs in the field do and print their raw frames as module+0xoffset."
HOMEPAGE = "https://github.com/meta-crashdump/meta-crashdump"
SECTION = "devel"
LICENSE = "MIT"
LIC_FILES_CHKSUM = "file://${COMMON_LICENSE_DIR}/MIT;md5=0835ade698e0bcf8506ecda2f7b4f302"

SRC_URI = " \
    file://Makefile \
    file://app.cpp \
    file://backend.cpp \
    file://crashcore.cpp \
    file://crashcore.h \
    file://handler.cpp \
    file://statistics.h \
"

# scarthgap knows no UNPACKDIR
S = "${@d.getVar('UNPACKDIR') or d.getVar('WORKDIR')}"

inherit crashdump update-alternatives

do_install() {
    oe_runmake install DESTDIR=${D} bindir=${bindir} libdir=${libdir}
    # a third name of app, which update-alternatives renames and points at
    ln ${D}${bindir}/app ${D}${bindir}/crashdemo
}

ALTERNATIVE:${PN} = "crashdemo"
ALTERNATIVE_LINK_NAME[crashdemo] = "${bindir}/crashdemo"
