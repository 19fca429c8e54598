require tiny-image.bb

SUMMARY = "The tiny root file system with a vendor's files, and with hooks that change files"
IMAGE_INSTALL += "prebuilt"

# to be added to ROOTFS_POSTPROCESS_COMMAND, IMAGE_PREPROCESS_COMMAND
shrink_plain() {
    ${STRIP} --remove-section=.gnu_debuglink ${IMAGE_ROOTFS}${bindir}/plain
}
shrink_library() {
    ${STRIP} --remove-section=.gnu_debuglink ${IMAGE_ROOTFS}${libdir}/libcrashcore.so.1.0.3
}
# of the same size as before
turn_a_byte() {
    printf U | dd of=${IMAGE_ROOTFS}${bindir}/plain bs=1 seek=9 conv=notrunc
}
