<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="ko_KR" sourcelanguage="en_US">
<context><name></name>
  <message id="action.probe_item">
    <source>Probe the &amp;item shown</source>
    <translation>표시된 아이템 프로브(&amp;I)</translation>
  </message>
  <message id="action.probe_paste">
    <source>&amp;Probe what was copied</source>
    <translation>복사한 것 프로브(&amp;P)</translation>
  </message>
  <message id="panel.probe">
    <source>Probe</source>
    <translation>프로브</translation>
  </message>
  <message id="probe.against">
    <source>not on</source>
    <translation>발화하지 않을 예</translation>
  </message>
  <message id="probe.all">
    <source>Fire on {side} ({count})</source>
    <translation>{side}에 발화 ({count}개)</translation>
  </message>
  <message id="probe.both">
    <source>Fire on both ({count})</source>
    <translation>둘 다에 발화 ({count}개)</translation>
  </message>
  <message id="probe.chip_tip">
    <source>{label}
A click or Delete takes it away.</source>
    <translation>{label}
클릭하거나 Delete 키를 누르면 빠집니다.</translation>
  </message>
  <message id="probe.clear">
    <source>Clear</source>
    <translation>지우기</translation>
  </message>
  <message id="probe.clear_tip">
    <source>Take away what was given</source>
    <translation>넣은 것 지우기</translation>
  </message>
  <message id="probe.command">
    <source>The command that finds the same</source>
    <translation>같은 결과를 내는 명령</translation>
  </message>
  <message id="probe.copy">
    <source>Copy</source>
    <translation>복사</translation>
  </message>
  <message id="probe.copy_tip">
    <source>Copy the command</source>
    <translation>명령 복사</translation>
  </message>
  <message id="probe.cut">
    <source>The backbone had no room for the last {count:,} characters.</source>
    <translation>백본이 마지막 {count:,}자는 읽지 못했습니다.</translation>
  </message>
  <message id="probe.example">
    <source>＋ example</source>
    <translation>＋ 예</translation>
  </message>
  <message id="probe.example_tip">
    <source>Search for features that fire on this</source>
    <translation>여기에 발화하는 피처 찾기</translation>
  </message>
  <message id="probe.for">
    <source>on</source>
    <translation>발화할 예</translation>
  </message>
  <message id="probe.found">
    <source>Features that were found</source>
    <translation>찾은 피처</translation>
  </message>
  <message id="probe.guess">
    <source>Language by script</source>
    <translation>문자로 언어 추정</translation>
  </message>
  <message id="probe.guessed">
    <source>{name} ({tag}), guessed by script</source>
    <translation>{name} ({tag}), 문자로 추정</translation>
  </message>
  <message id="probe.hint">
    <source>Type a text in any language, or drop or paste a picture; with two, it is seen what they have in common.</source>
    <translation>아무 언어로나 글을 쓰거나, 그림을 끌어다 놓거나 붙여 넣으세요. 두 개를 넣으면 공통점과 차이점이 보입니다.</translation>
  </message>
  <message id="probe.hit">
    <source>contrast {score:.2f} · {positive:.2f} against {negative:.2f}</source>
    <translation>대비 {score:.2f} · {positive:.2f} 대 {negative:.2f}</translation>
  </message>
  <message id="probe.hit_tip">
    <source>contrast {score:.3f}: mean activation {positive:.3f} on the examples (fires on {positive_rate:.0%}), {negative:.3f} on the others (fires on {negative_rate:.0%}), over its maximum. It fires on {image_rate:.2%} of all pictures and {text_rate:.2%} of all captions.</source>
    <translation>대비 {score:.3f}: 예에서 평균 활성값 {positive:.3f}(발화 {positive_rate:.0%}), 나머지에서 {negative:.3f}(발화 {negative_rate:.0%}), 그 차이를 최댓값으로 나눈 값입니다. 전체 그림의 {image_rate:.2%}, 전체 캡션의 {text_rate:.2%}에서 발화합니다.</translation>
  </message>
  <message id="probe.item">
    <source>Item shown</source>
    <translation>표시된 아이템</translation>
  </message>
  <message id="probe.item_tip">
    <source>Take the picture of the item whose page is shown</source>
    <translation>지금 표시된 아이템의 그림 넣기</translation>
  </message>
  <message id="probe.language_of">
    <source>Language of the text of {side}</source>
    <translation>{side} 글의 언어</translation>
  </message>
  <message id="probe.more">
    <source>{count:,} more fire less strongly.</source>
    <translation>{count:,}개가 더 약하게 발화합니다.</translation>
  </message>
  <message id="probe.negative">
    <source>− negative</source>
    <translation>− 반례</translation>
  </message>
  <message id="probe.negative_tip">
    <source>Search for features that do not fire on this</source>
    <translation>여기에 발화하지 않는 피처 찾기</translation>
  </message>
  <message id="probe.no_item">
    <source>No item is shown; open the page of one first.</source>
    <translation>표시된 아이템이 없습니다. 먼저 아이템 페이지를 여세요.</translation>
  </message>
  <message id="probe.none">
    <source>None.</source>
    <translation>없음.</translation>
  </message>
  <message id="probe.nothing">
    <source>There is no picture and no text to take; copy or drop one.</source>
    <translation>넣을 그림이나 글이 없습니다. 복사하거나 끌어다 놓으세요.</translation>
  </message>
  <message id="probe.of_side">
    <source>{what}: {side}</source>
    <translation>{what}: {side}</translation>
  </message>
  <message id="probe.only">
    <source>Fire on {side} alone ({count})</source>
    <translation>{side}에만 발화 ({count}개)</translation>
  </message>
  <message id="probe.open">
    <source>Picture…</source>
    <translation>그림…</translation>
  </message>
  <message id="probe.open_tip">
    <source>Choose the file of a picture</source>
    <translation>그림 파일 선택</translation>
  </message>
  <message id="probe.paste">
    <source>Paste</source>
    <translation>붙여넣기</translation>
  </message>
  <message id="probe.paste_tip">
    <source>Paste a picture or text (Ctrl+Shift+V)</source>
    <translation>그림이나 글 붙여넣기 (Ctrl+Shift+V)</translation>
  </message>
  <message id="probe.pasted">
    <source>The pasted picture</source>
    <translation>붙여 넣은 그림</translation>
  </message>
  <message id="probe.pictures">
    <source>Pictures</source>
    <translation>그림</translation>
  </message>
  <message id="probe.placeholder">
    <source>A text in any language, or drop or paste a picture</source>
    <translation>아무 언어로나 쓴 글, 또는 끌어다 놓거나 붙여 넣은 그림</translation>
  </message>
  <message id="probe.search">
    <source>Search by examples</source>
    <translation>예로 검색</translation>
  </message>
  <message id="probe.search_hint">
    <source>Take what was given above as an example: features are ranked by how much more they fire on the examples than on negatives, or without these, than on other items of the atlas.</source>
    <translation>위에 넣은 것을 예로 쓰세요. 피처는 반례보다, 반례가 없으면 아틀라스의 다른 아이템보다, 예에서 얼마나 더 발화하는지로 정렬됩니다.</translation>
  </message>
  <message id="probe.looked">
    <source>Shown: {title}, {activation:.2f}</source>
    <translation>표시: {title}, {activation:.2f}</translation>
  </message>
  <message id="probe.strip">
    <source>{side}  {activation:.2f} · {share:.0%} of max</source>
    <translation>{side}  {activation:.2f} · 최댓값의 {share:.0%}</translation>
  </message>
  <message id="probe.summary">
    <source>{both} features fire on both, {first} on A alone, {second} on B alone: {overlap:.0%} of all that fire are in common.</source>
    <translation>피처 {both}개가 둘 다에, {first}개가 A에만, {second}개가 B에만 발화합니다. 발화하는 전체의 {overlap:.0%}가 공통입니다.</translation>
  </message>
  <message id="probe.text_of">
    <source>Text of {side}</source>
    <translation>{side}의 글</translation>
  </message>
</context>
</TS>
