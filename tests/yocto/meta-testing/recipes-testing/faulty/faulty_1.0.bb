SUMMARY = "Programs that symbols cannot be made from as they should, each by the fault it is called after"
LICENSE = "MIT"
LIC_FILES_CHKSUM = "file://${COMMON_LICENSE_DIR}/MIT;md5=0835ade698e0bcf8506ecda2f7b4f302"

SRC_URI = "file://faulty.c file://moved.ld file://slow.S"
S = "${UNPACKDIR}"

# The faults. To set them to what the remedies say is what the test does.
FAULTY_ID ?= "-Wl,--build-id=none"
FAULTY_DEBUG ?= "-g0"
FAULTY_LINES_TOOL ?= "${OBJCOPY} --remove-section=.debug_line"
FAULTY_UNWIND ?= "-fno-unwind-tables -fno-asynchronous-unwind-tables"
FAULTY_UNWIND_TOOL ?= "${OBJCOPY} --remove-section=.debug_frame"
FAULTY_SCRIPT ?= "-Wl,-T,moved.ld"
FAULTY_ASSEMBLER ?= ""
FAULTY_SAME_ID ?= "-Wl,--build-id=0xabababababababababababababababababababab"
FAULTY_PACKAGES_TOOL ?= ""

FAULTY = "/opt/faulty"

do_compile() {
    build() {
        name=$1
        shift
        ${CC} ${CFLAGS} ${LDFLAGS} -Wl,--build-id -DNAME=$(echo $name | tr - _) "$@" -o $name faulty.c
    }
    build no-build-id ${FAULTY_ID}
    build no-debug-info ${FAULTY_DEBUG}
    build no-lines
    ${FAULTY_LINES_TOOL} no-lines
    build no-unwind-info -shared -fPIC -nostdlib ${FAULTY_UNWIND}
    ${FAULTY_UNWIND_TOOL} no-unwind-info
    # what is in front of the notes has to be larger than a page
    build late-build-id -DTABLE=9000 ${FAULTY_SCRIPT}
    build low-coverage -Wa,-g ${FAULTY_ASSEMBLER} slow.S
    build duplicate-1 ${FAULTY_SAME_ID}
    build duplicate-2 ${FAULTY_SAME_ID} -O0
    build changed
    build packed
    build unowned
}

do_install() {
    install -d ${D}${FAULTY}
    for name in no-build-id no-debug-info no-lines no-unwind-info late-build-id low-coverage duplicate-1 duplicate-2 \
            changed packed ${FAULTY_PACKAGES_TOOL}; do
        install -m 0755 $name ${D}${FAULTY}/
    done
}

FILES:${PN} = "${FAULTY}"
INSANE_SKIP:${PN} = "ldflags"
