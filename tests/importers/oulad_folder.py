"""Small folders in the format of the data set, good and spoiled."""

from __future__ import annotations

import gzip
from pathlib import Path

# Two students in AAA-2013J; 2 also in BBB-2014B. Day 0 is 1 October 2013 and 1 February 2014.
TABLES = {
    "courses": "code_module,code_presentation,module_presentation_length\r\nAAA,2013J,268\r\nBBB,2014B,240\r\n",
    "assessments": (
        '"code_module","code_presentation","id_assessment","assessment_type","date","weight"\r\n'
        '"AAA","2013J","11","TMA","19","10"\r\n"AAA","2013J","12","Exam","","100"\r\n"BBB","2014B","21","CMA","54","1"\r\n'
    ),
    "studentInfo": (
        "code_module,code_presentation,id_student,gender,region\r\n"
        'AAA,2013J,1,M,"East, Anglia"\r\nAAA,2013J,2,F,Wales\r\nBBB,2014B,2,F,Wales\r\nAAA,2013J,3,F,Wales\r\nAAA,2013J,4,F,Wales\r\n'
    ),
    # 3: the day of coming is not known; 4 left before coming.
    "studentRegistration": (
        "code_module,code_presentation,id_student,date_registration,date_unregistration\r\n"
        "AAA,2013J,1,-10,\r\nAAA,2013J,2,-5,30\r\nBBB,2014B,2,0,\r\nAAA,2013J,3,,\r\nAAA,2013J,4,20,-7\r\n"
    ),
    # 80 in time, 39.5 late, none, exactly 40 before day 0, and a banked one.
    "studentAssessment": (
        "id_assessment,id_student,date_submitted,is_banked,score\r\n"
        "11,1,19,0,80\r\n11,2,20,0,39.5\r\n12,1,200,0,\r\n21,2,-1,0,40\r\n12,2,-1,1,60\r\n"
    ),
}


def write_folder(directory: Path, *, gzipped: tuple[str, ...] = (), **changed: str) -> Path:
    """Writes the tables, some of them with other contents."""
    directory.mkdir(exist_ok=True)
    for name, text in {**TABLES, **changed}.items():
        if name in gzipped:
            (directory / f"{name}.csv.gz").write_bytes(gzip.compress(text.encode()))
        else:
            (directory / f"{name}.csv").write_bytes(text.encode())
    return directory
