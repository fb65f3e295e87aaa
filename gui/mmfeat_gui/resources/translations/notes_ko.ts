<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="ko_KR" sourcelanguage="en_US">
<context><name></name>
  <message id="action.note_done">
    <source>Done, and &amp;next without label</source>
    <translation>완료하고 다음으로(&amp;N)</translation>
  </message>
  <message id="action.note_next">
    <source>Ne&amp;xt without label</source>
    <translation>다음 미표시 피처(&amp;X)</translation>
  </message>
  <message id="action.note_previous">
    <source>&amp;Previous without label</source>
    <translation>이전 미표시 피처(&amp;P)</translation>
  </message>
  <message id="action.note_reviewed">
    <source>&amp;Done</source>
    <translation>검토 완료(&amp;D)</translation>
  </message>
  <message id="action.note_star">
    <source>&amp;Star</source>
    <translation>별표(&amp;S)</translation>
  </message>
  <message id="action.note_tag_1">
    <source>Tag 1</source>
    <translation>태그 1</translation>
  </message>
  <message id="action.note_tag_2">
    <source>Tag 2</source>
    <translation>태그 2</translation>
  </message>
  <message id="action.note_tag_3">
    <source>Tag 3</source>
    <translation>태그 3</translation>
  </message>
  <message id="action.note_tag_4">
    <source>Tag 4</source>
    <translation>태그 4</translation>
  </message>
  <message id="action.note_tag_5">
    <source>Tag 5</source>
    <translation>태그 5</translation>
  </message>
  <message id="action.note_tag_6">
    <source>Tag 6</source>
    <translation>태그 6</translation>
  </message>
  <message id="action.note_tag_7">
    <source>Tag 7</source>
    <translation>태그 7</translation>
  </message>
  <message id="action.note_tag_8">
    <source>Tag 8</source>
    <translation>태그 8</translation>
  </message>
  <message id="action.note_tag_9">
    <source>Tag 9</source>
    <translation>태그 9</translation>
  </message>
  <message id="action.notes_compare">
    <source>&amp;Compare with another person's notes…</source>
    <translation>다른 사람의 메모와 비교(&amp;C)…</translation>
  </message>
  <message id="action.notes_export">
    <source>&amp;Export notes…</source>
    <translation>메모 내보내기(&amp;E)…</translation>
  </message>
  <message id="action.notes_import">
    <source>&amp;Import notes…</source>
    <translation>메모 가져오기(&amp;I)…</translation>
  </message>
  <message id="notes.agreement">
    <source>Agreement of notes</source>
    <translation>메모 일치도</translation>
  </message>
  <message id="notes.agreement_sentence">
    <source>You labelled {mine:,} features, {file} {theirs:,}; {common:,} were labelled by both, and what follows is on those. Named by both: {named:,}, the same name: {alike:,}.</source>
    <translation>표시한 피처는 본인 {mine:,}개, {file} {theirs:,}개입니다. 아래는 둘 다 표시한 {common:,}개에 대한 결과입니다. 둘 다 이름을 붙인 피처: {named:,}개, 이름이 같은 피처: {alike:,}개.</translation>
  </message>
  <message id="notes.all_done">
    <source>All features in the table have a label.</source>
    <translation>표에 있는 모든 피처에 표시가 있습니다.</translation>
  </message>
  <message id="notes.aside">
    <source>{reason} That file is {file} now.</source>
    <translation>{reason} 그 파일은 이제 {file}입니다.</translation>
  </message>
  <message id="notes.close">
    <source>Close</source>
    <translation>닫기</translation>
  </message>
  <message id="notes.column_agree">
    <source>agree</source>
    <translation>일치</translation>
  </message>
  <message id="notes.column_agree_tip">
    <source>Share of features on which both gave it or neither did.</source>
    <translation>둘 다 붙였거나 둘 다 붙이지 않은 피처의 비율.</translation>
  </message>
  <message id="notes.column_both">
    <source>both</source>
    <translation>둘 다</translation>
  </message>
  <message id="notes.column_both_tip">
    <source>Features with the tag from both.</source>
    <translation>둘 다 태그를 붙인 피처.</translation>
  </message>
  <message id="notes.column_kappa">
    <source>kappa</source>
    <translation>카파</translation>
  </message>
  <message id="notes.column_kappa_tip">
    <source>Cohen's kappa: (observed agreement − chance) / (1 − chance), where chance is that of two people who give the tag independently as often as these do; – where chance alone gives full agreement.</source>
    <translation>코헨의 카파: (관찰된 일치도 − 우연) / (1 − 우연). 우연은 두 사람이 같은 빈도로 서로 무관하게 태그를 붙일 때의 일치도입니다. 우연만으로 완전히 일치하면 –입니다.</translation>
  </message>
  <message id="notes.column_mine">
    <source>only you</source>
    <translation>본인만</translation>
  </message>
  <message id="notes.column_mine_tip">
    <source>Features with the tag from you alone.</source>
    <translation>본인만 태그를 붙인 피처.</translation>
  </message>
  <message id="notes.column_neither">
    <source>neither</source>
    <translation>둘 다 아님</translation>
  </message>
  <message id="notes.column_neither_tip">
    <source>Features with the tag from neither.</source>
    <translation>둘 다 태그를 붙이지 않은 피처.</translation>
  </message>
  <message id="notes.column_tag">
    <source>tag</source>
    <translation>태그</translation>
  </message>
  <message id="notes.column_tag_tip">
    <source>A feature that was labelled without the tag counts as one without it.</source>
    <translation>태그 없이 표시한 피처는 그 태그가 없는 것으로 셉니다.</translation>
  </message>
  <message id="notes.column_theirs">
    <source>only they</source>
    <translation>상대만</translation>
  </message>
  <message id="notes.column_theirs_tip">
    <source>Features with the tag from the other person alone.</source>
    <translation>상대만 태그를 붙인 피처.</translation>
  </message>
  <message id="notes.comment">
    <source>Comment</source>
    <translation>설명</translation>
  </message>
  <message id="notes.compare_title">
    <source>Another person's notes</source>
    <translation>다른 사람의 메모</translation>
  </message>
  <message id="notes.csv">
    <source>Tables</source>
    <translation>표</translation>
  </message>
  <message id="notes.elsewhere">
    <source>The folder of the atlas may not be written to: your notes are kept in {folder}.</source>
    <translation>아틀라스가 있는 폴더에 쓸 수 없어 메모를 {folder}에 보관합니다.</translation>
  </message>
  <message id="notes.error_csv">
    <source>{file} is no table of notes; give UTF-8 CSV with a column feature.</source>
    <translation>{file}은(는) 메모 표가 아닙니다. feature 열이 있는 UTF-8 CSV를 고르세요.</translation>
  </message>
  <message id="notes.error_entry">
    <source>{file} has a note on feature {feature} that cannot be understood; mend or remove it.</source>
    <translation>{file}에서 피처 {feature}의 메모를 이해할 수 없습니다. 고치거나 지우세요.</translation>
  </message>
  <message id="notes.error_feature">
    <source>Row {row} of {file} names a feature that does not exist; give some from 0 to {last}.</source>
    <translation>{file}의 {row}행에 없는 피처가 있습니다. 0부터 {last}까지의 번호를 쓰세요.</translation>
  </message>
  <message id="notes.error_foreign">
    <source>{file} has notes on the features of another SAE; open that one first.</source>
    <translation>{file}에는 다른 SAE의 피처에 대한 메모가 있습니다. 그 SAE를 먼저 여세요.</translation>
  </message>
  <message id="notes.error_kind">
    <source>{file} is no file of notes, or of a newer version; give one that mmfeat wrote.</source>
    <translation>{file}은(는) 메모 파일이 아니거나 더 새로운 버전입니다. mmfeat이 쓴 파일을 고르세요.</translation>
  </message>
  <message id="notes.error_large">
    <source>{file} is larger than {size} MiB and is not read; give a file of notes.</source>
    <translation>{file}은(는) {size} MiB보다 커서 읽지 않습니다. 메모 파일을 고르세요.</translation>
  </message>
  <message id="notes.error_read">
    <source>{file} cannot be read ({reason}); change its permissions or choose another file.</source>
    <translation>{file}을(를) 읽을 수 없습니다({reason}). 권한을 바꾸거나 다른 파일을 고르세요.</translation>
  </message>
  <message id="notes.error_row">
    <source>Row {row} of {file} cannot be understood; mend or remove it.</source>
    <translation>{file}의 {row}행을 이해할 수 없습니다. 고치거나 지우세요.</translation>
  </message>
  <message id="notes.error_write">
    <source>{file} cannot be written ({reason}); choose another folder or free some space.</source>
    <translation>{file}을(를) 쓸 수 없습니다({reason}). 다른 폴더를 고르거나 공간을 비우세요.</translation>
  </message>
  <message id="notes.export_title">
    <source>Export notes</source>
    <translation>메모 내보내기</translation>
  </message>
  <message id="notes.exported">
    <source>Notes on {count:,} features were written to {file}.</source>
    <translation>피처 {count:,}개의 메모를 {file}에 저장했습니다.</translation>
  </message>
  <message id="notes.feature">
    <source>Feature {feature}</source>
    <translation>피처 {feature}</translation>
  </message>
  <message id="notes.files">
    <source>Notes</source>
    <translation>메모</translation>
  </message>
  <message id="notes.finish">
    <source>Done, next</source>
    <translation>완료, 다음</translation>
  </message>
  <message id="notes.foreign">
    <source>{file} has notes on other features: your notes are kept in {folder}. Move that file away to keep them beside the atlas.</source>
    <translation>{file}에는 다른 피처의 메모가 있어 메모를 {folder}에 보관합니다. 아틀라스 옆에 보관하려면 그 파일을 옮기세요.</translation>
  </message>
  <message id="notes.import_title">
    <source>Import notes</source>
    <translation>메모 가져오기</translation>
  </message>
  <message id="notes.imported">
    <source>Notes on {count:,} features were taken over from {file}.</source>
    <translation>{file}에서 피처 {count:,}개의 메모를 가져왔습니다.</translation>
  </message>
  <message id="notes.name">
    <source>Name</source>
    <translation>이름</translation>
  </message>
  <message id="notes.name_tip">
    <source>a name of your own</source>
    <translation>직접 붙인 이름</translation>
  </message>
  <message id="notes.next">
    <source>Next</source>
    <translation>다음</translation>
  </message>
  <message id="notes.no_feature">
    <source>Open a feature to take a note of it.</source>
    <translation>메모할 피처를 여세요.</translation>
  </message>
  <message id="notes.previous">
    <source>Previous</source>
    <translation>이전</translation>
  </message>
  <message id="notes.progress">
    <source>{done:,} of {count:,} labelled</source>
    <translation>{count:,}개 중 {done:,}개 표시함</translation>
  </message>
  <message id="notes.progress_name">
    <source>Features labelled</source>
    <translation>표시한 피처</translation>
  </message>
  <message id="notes.progress_tip">
    <source>Features that are done or have a tag, of those in the table. Their order and the filters of the table say which is next.</source>
    <translation>표에 있는 피처 중 검토가 끝났거나 태그가 있는 피처입니다. 다음 피처는 표의 정렬과 필터를 따릅니다.</translation>
  </message>
  <message id="notes.reviewed">
    <source>Done</source>
    <translation>검토 완료</translation>
  </message>
  <message id="notes.select_differing">
    <source>Select the features that differ</source>
    <translation>다른 피처 선택</translation>
  </message>
  <message id="notes.star">
    <source>Star</source>
    <translation>별표</translation>
  </message>
  <message id="notes.tags">
    <source>Tags</source>
    <translation>태그</translation>
  </message>
  <message id="notes.tags_tip">
    <source>tags, separated by semicolons</source>
    <translation>쌍반점으로 구분한 태그</translation>
  </message>
  <message id="notes.unreadable">
    <source>{reason} Your notes are kept in {folder}.</source>
    <translation>{reason} 메모를 {folder}에 보관합니다.</translation>
  </message>
  <message id="panel.notes">
    <source>Notes</source>
    <translation>메모</translation>
  </message>
  <message id="undo.note">
    <source>note</source>
    <translation>메모</translation>
  </message>
  <message id="undo.note_reviewed">
    <source>done</source>
    <translation>검토 완료</translation>
  </message>
  <message id="undo.note_star">
    <source>star</source>
    <translation>별표</translation>
  </message>
  <message id="undo.note_tag">
    <source>tag</source>
    <translation>태그</translation>
  </message>
  <message id="undo.notes_import">
    <source>imported notes</source>
    <translation>메모 가져오기</translation>
  </message>
</context>
</TS>
