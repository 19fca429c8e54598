# SPDX-License-Identifier: MIT
#
# What crashdump.bbclass, crashdump-image.bbclass and crashdump-sdk.bbclass share. They inherit it; nobody else needs to.

CRASHDUMP_ENABLED ?= "1"
CRASHDUMP_ENABLED[doc] = "Set to '0' to keep no symbols, for all recipes or for one (CRASHDUMP_ENABLED:pn-foo); an image is a recipe, too. Packages and task signatures are then the same as without the class."
CRASHDUMP_EXCLUDE ?= ""
CRASHDUMP_EXCLUDE[doc] = "Space-separated globs of target paths to leave out, e.g. '/usr/lib/*/ptest/*'. What matches gets neither symbols nor a place in the manifest, and no warning."
CRASHDUMP_DEPLOY_DIR ?= "${DEPLOY_DIR}/crashdump"
CRASHDUMP_DEPLOY_DIR[doc] = "The folder that receives symbols and manifests of recipes, one sub-folder for each package architecture. The account of an image takes from it where sources are from."
CRASHDUMP_POLICY ?= ""
CRASHDUMP_POLICY[doc] = "Space-separated CODE=LEVEL and policy files: what a finding does to the build. LEVEL is error (the task fails), warning or ignore; CODE is no-build-id, no-debug-info, no-lines, no-unwind-info, late-build-id, mismatch, missing-debug-file, unreadable, malformed, unsupported, packed, conflict, crashed, of images changed, unowned, duplicate-build-id, worse, low-coverage, unused-excuse, or * for all but the last of these. Unset codes: unreadable, mismatch, conflict, crashed and duplicate-build-id are errors, unused-excuse is ignored, the others are warnings."
CRASHDUMP_IMAGE_VERSION ?= "${DISTRO_VERSION}"
CRASHDUMP_IMAGE_VERSION[doc] = "What people call this version of the image, for the manifests of it and of its SDK, and for image.json."
CRASHDUMP_INLINES ?= "1"
CRASHDUMP_INLINES[doc] = "Set to '0' to leave inlined functions out: smaller symbol files, but a stack then names only the function that the code was inlined into."

def crashdump_policy_files(d):
    """The files in CRASHDUMP_POLICY, for a task's [file-checksums]."""
    return " ".join(word + ":True" for word in (d.getVar("CRASHDUMP_POLICY") or "").split() if "=" not in word)

def crashdump_build_facts(d):
    """What was built, and where the recipes' fragments are, as options of crashsym."""
    facts = {"image": "IMAGE_BASENAME", "version": "CRASHDUMP_IMAGE_VERSION", "machine": "MACHINE", "distro": "DISTRO"}
    options = ["--build", "series=" + d.getVar("LAYERSERIES_CORENAMES").split()[0]]
    for fact, name in facts.items():
        if d.getVar(name):
            options += ["--build", "%s=%s" % (fact, d.getVar(name))]
    if os.path.isdir(d.getVar("CRASHDUMP_DEPLOY_DIR")):
        options += ["--fragments", d.getVar("CRASHDUMP_DEPLOY_DIR")]
    return options

def crashdump_layers(d):
    """The layers and their revisions, as options of crashsym."""
    options = []
    for _, name, _, revision, modified in oe.buildcfg.get_layer_revisions(d):
        known = "" if "unknown" in revision else revision + ("-dirty" if modified else "")
        options += ["--layer", "%s=%s" % (name, known)]
    return options

def crashdump_process(d, command):
    """Return what became of crashsym, which has finished, with findings or without; where it fails, so does the task."""
    import subprocess
    # the host user's own Python packages must not stand in for the native sysroot's; and a task that is root for pseudo
    # need not be it for this
    environment = dict(os.environ, PYTHONNOUSERSITE="1", PSEUDO_DISABLED="1")
    result = subprocess.run(["crashsym"] + command, env=environment, encoding="utf-8", errors="backslashreplace",
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if result.returncode not in (0, 3):
        bb.fatal("crashsym ended with exit code %d (negative: killed by that signal).\n%s"
                 % (result.returncode, result.stderr))
    bb.note(result.stderr)
    return result

def crashdump_call(d, command):
    """Return what crashsym prints, as JSON gives it."""
    import json
    return json.loads(crashdump_process(d, command).stdout)

def crashdump_run(d, arguments):
    """Run crashsym with these arguments and the common options; findings become warnings and errors of the task."""
    command = arguments + ["--json"]
    for glob in (d.getVar("CRASHDUMP_EXCLUDE") or "").split():
        command += ["--exclude", glob]
    for rule in (d.getVar("CRASHDUMP_POLICY") or "").split():
        command += ["--policy", rule]
    if d.getVar("CRASHDUMP_INLINES") == "0":
        command += ["--no-inlines"]
    command += oe.utils.parallel_make_argument(d, "-j %d").split()
    findings = crashdump_call(d, command)["findings"]
    for finding in findings:
        if finding["level"] in ("error", "warning"):
            # what is about no file of the target cannot be excluded
            exclude = 'CRASHDUMP_EXCLUDE += "%s", or ' % finding["path"] if finding["path"].startswith("/") else ""
            (bb.error if finding["level"] == "error" else bb.warn)(
                '%s (%sCRASHDUMP_POLICY += "%s=ignore")' % (finding["message"], exclude, finding["code"]))
    if any(finding["level"] == "error" for finding in findings):
        bb.fatal("not all symbols were extracted: the errors above say of which files, and what to do.")
